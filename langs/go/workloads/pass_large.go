package workloads

import (
	"strconv"

	"memverdict/langs/go/kit"
)

// Pass large: a struct of 8 bytes to 64 KiB made by one function and read by another that is kept out of line. It is
// passed by value, by pointer, or by a pointer that the callee might keep, which forces it to the heap.
func init() {
	variants := passVariants[[1]uint64]()
	variants = append(variants, passVariants[[9]uint64]()...)
	variants = append(variants, passVariants[[128]uint64]()...)
	variants = append(variants, passVariants[[8192]uint64]()...)
	kit.Register(kit.Workload{
		ID:         "pass_large",
		Parameters: []kit.Parameter{{Name: "words", Least: 8192}},
		Variants:   variants,
	})
}

// words is what a struct is made of. Everything below is compiled once for each.
type words interface {
	[1]uint64 | [9]uint64 | [128]uint64 | [8192]uint64
}

type wide[W words] struct{ word W }

// passing is one iteration: count structs, each made, passed and read.
type passing struct {
	loop     func(seed, count uint64) uint64
	seed     uint64
	count    uint64
	bytes    uint64 // of a struct that is allocated; 0 where none is
	checksum kit.Checksum
}

// passVariants returns the variants of one size, in the order of the workload's TOML.
func passVariants[W words]() []kit.Variant {
	var w W
	length := uint64(len(w))
	variant := func(way, read string, escapes bool, loop func(seed, count uint64) uint64) kit.Variant {
		id := way + "_" + strconv.FormatUint(length*wordSize, 10) + "_" + read
		return kit.Variant{ID: id, Setup: func(run *kit.Run) kit.State {
			p := &passing{loop: loop, seed: run.Seed, count: uint64(run.Int("words")) / length, checksum: kit.NewChecksum()}
			if escapes {
				p.bytes = length * wordSize
			}
			return p
		}}
	}
	return []kit.Variant{
		variant("value", "read1", false, valueRead1[W]),
		variant("pointer", "read1", false, pointerRead1[W]),
		variant("escape", "read1", true, escapeRead1[W]),
		variant("value", "readall", false, valueReadAll[W]),
		variant("pointer", "readall", false, pointerReadAll[W]),
		variant("escape", "readall", true, escapeReadAll[W]),
	}
}

func (p *passing) Iterate() {
	p.checksum.Add(p.loop(p.seed, p.count))
}

func (p *passing) Teardown() kit.Result {
	result := kit.Result{Operations: p.count, Checksum: p.checksum}
	if p.bytes > 0 {
		result.Allocations = p.count
		result.AllocatedBytes = p.count * p.bytes
		result.PeakLiveBytes = p.bytes
	}
	return result
}

// The loops that differ in how they pass the struct and in what is read of it.

func pointerRead1[W words](seed, count uint64) (sum uint64) {
	for i := range count {
		var v wide[W]
		fillWide(&v, (seed+i)*golden)
		sum += pointed1(&v)
	}
	return sum
}

func pointerReadAll[W words](seed, count uint64) (sum uint64) {
	for i := range count {
		var v wide[W]
		fillWide(&v, (seed+i)*golden)
		sum += pointedAll(&v)
	}
	return sum
}

func valueRead1[W words](seed, count uint64) (sum uint64) {
	for i := range count {
		var v wide[W]
		fillWide(&v, (seed+i)*golden)
		sum += copied1(v)
	}
	return sum
}

func valueReadAll[W words](seed, count uint64) (sum uint64) {
	for i := range count {
		var v wide[W]
		fillWide(&v, (seed+i)*golden)
		sum += copiedAll(v)
	}
	return sum
}

func escapeRead1[W words](seed, count uint64) (sum uint64) {
	for i := range count {
		// allocate: one struct per operation, which the callee might keep
		var v wide[W]
		// touch: every word
		fillWide(&v, (seed+i)*golden)
		sum += kept1(&v)
		// retire: nothing refers to it after its only use
	}
	return sum
}

func escapeReadAll[W words](seed, count uint64) (sum uint64) {
	for i := range count {
		var v wide[W]
		fillWide(&v, (seed+i)*golden)
		sum += keptAll(&v)
	}
	return sum
}

func fillWide[W words](v *wide[W], x uint64) {
	for j := range len(v.word) {
		v.word[j] = x + uint64(j)
	}
}

// The callees, kept out of line.

//go:noinline
func copied1[W words](v wide[W]) uint64 { return v.word[len(v.word)-1] }

//go:noinline
func copiedAll[W words](v wide[W]) (sum uint64) {
	for j := range len(v.word) {
		sum += v.word[j]
	}
	return sum
}

//go:noinline
func pointed1[W words](v *wide[W]) uint64 { return v.word[len(v.word)-1] }

//go:noinline
func pointedAll[W words](v *wide[W]) (sum uint64) {
	for j := range len(v.word) {
		sum += v.word[j]
	}
	return sum
}

// sinkWide might be given what kept1 and keptAll get: never is false, which the compiler does not know.
//
//lint:ignore U1000 never written, so never read either
var sinkWide any

//go:noinline
func kept1[W words](v *wide[W]) uint64 {
	if never {
		sinkWide = v
	}
	return v.word[len(v.word)-1]
}

//go:noinline
func keptAll[W words](v *wide[W]) (sum uint64) {
	if never {
		sinkWide = v
	}
	for j := range len(v.word) {
		sum += v.word[j]
	}
	return sum
}
