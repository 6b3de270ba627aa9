package workloads

import (
	"encoding/binary"

	"memverdict/langs/go/kit"
)

// Message window: a large window of recent messages without pointers, each replaced in turn.
func init() {
	kit.Register(kit.Workload{
		ID: "message_window",
		Parameters: []kit.Parameter{
			{Name: "window", Least: 1, Most: 1 << 32},
			{Name: "size", Least: wordSize, Most: 1 << 30, Multiple: wordSize},
			{Name: "pushes"},
		},
		Variants: []kit.Variant{{ID: "heap", Setup: setupMessageWindow, Arrivals: "pushes"}},
	})
}

type messageWindow struct {
	rng    kit.RNG
	size   int
	pushes int
	slots  [][]byte

	sum      uint64
	checksum kit.Checksum
}

func setupMessageWindow(run *kit.Run) kit.State {
	w := &messageWindow{
		rng:      kit.NewRNG(run.Seed),
		size:     run.Int("size"),
		pushes:   run.Int("pushes"),
		slots:    make([][]byte, run.Int("window")),
		checksum: kit.NewChecksum(),
	}
	for i := range w.slots {
		w.slots[i] = newMessage(w.size, byte(w.rng.Next()))
	}
	return w
}

func newMessage(size int, b byte) []byte {
	// allocate: one message
	m := make([]byte, size)
	// touch: every byte
	fill(m, b)
	return m
}

// fill sets every byte of m to b by doubling what is set already: copies at the speed of memmove, as bytes.Repeat does,
// where a loop would store byte by byte.
func fill(m []byte, b byte) {
	m[0] = b
	for n := 1; n < len(m); n *= 2 {
		copy(m[n:], m[:n])
	}
}

func (w *messageWindow) Iterate() {
	for i := range w.pushes {
		w.Operate(i)
	}
}

// Operate pushes one message.
func (w *messageWindow) Operate(i int) {
	m := newMessage(w.size, byte(w.rng.Next()))
	slot := &w.slots[i%len(w.slots)]
	w.sum += uint64((*slot)[w.size-1])
	// retire: the old message, which only its slot refers to
	// publish: the new one takes the slot
	*slot = m
}

func (w *messageWindow) Teardown() kit.Result {
	w.checksum.Add(w.sum)
	for _, m := range w.slots {
		for ; len(m) > 0; m = m[wordSize:] {
			w.checksum.Add(binary.LittleEndian.Uint64(m))
		}
	}
	pushes, size := uint64(w.pushes), uint64(w.size)
	return kit.Result{
		Operations:     pushes,
		Allocations:    pushes,
		AllocatedBytes: pushes * size,
		PeakLiveBytes:  uint64(len(w.slots)+1) * size,
		Checksum:       w.checksum,
	}
}
