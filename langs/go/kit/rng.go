// Package kit is what every workload stands on: command line, clocks, random numbers, checksum, memory readings and
// the worker protocol of langs/PROTOCOL.md. Nothing in it allocates, reads or writes between the two clock readings of
// an iteration; what a workload allocates there is its own.
package kit

// RNG is SplitMix64: one 64-bit word of state, every seed a full period of 2^64. The zero value is seeded with 0.
type RNG struct{ state uint64 }

// NewRNG returns a generator seeded with seed.
func NewRNG(seed uint64) RNG { return RNG{state: seed} }

// Next returns the next 64 bits. It is small enough to be inlined, so that a draw costs no call.
func (r *RNG) Next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
