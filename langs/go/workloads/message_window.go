package workloads

import (
	"encoding/binary"

	"memverdict/langs/go/kit"
)

// Message window: a large window of recent messages without pointers, each replaced in turn. Its slots are found through
// the iteration's state, or through a package variable.
func init() {
	kit.Register(kit.Workload{
		ID: "message_window",
		Parameters: []kit.Parameter{
			{Name: "window", Least: 1, Most: 1 << 32},
			{Name: "size", Least: wordSize, Most: 1 << 30, Multiple: wordSize},
			{Name: "pushes"},
		},
		Variants: []kit.Variant{
			{ID: "heap", Setup: setupHeapWindow, Arrivals: "pushes"},
			{ID: "global", Setup: setupGlobalWindow, Arrivals: "pushes"},
		},
	})
}

// messageWindow is a window less its slots.
type messageWindow struct {
	rng      kit.RNG
	size     int
	pushes   int
	sum      uint64
	checksum kit.Checksum
}

type heapWindow struct {
	messageWindow
	slots [][]byte
}

type globalWindow struct{ messageWindow }

// globalSlots are those of the one globalWindow.
var globalSlots [][]byte

func setupHeapWindow(run *kit.Run) kit.State {
	w := &heapWindow{messageWindow: newMessageWindow(run)}
	w.slots = w.fullSlots(run)
	return w
}

func setupGlobalWindow(run *kit.Run) kit.State {
	w := &globalWindow{newMessageWindow(run)}
	globalSlots = w.fullSlots(run)
	return w
}

func newMessageWindow(run *kit.Run) messageWindow {
	return messageWindow{
		rng:      kit.NewRNG(run.Seed),
		size:     run.Int("size"),
		pushes:   run.Int("pushes"),
		checksum: kit.NewChecksum(),
	}
}

func (w *messageWindow) fullSlots(run *kit.Run) [][]byte {
	slots := make([][]byte, run.Int("window"))
	for i := range slots {
		slots[i] = newMessage(w.size, byte(w.rng.Next()))
	}
	return slots
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

func (w *heapWindow) Iterate() {
	for i := range w.pushes {
		w.Operate(i)
	}
}

// Operate pushes one message.
func (w *heapWindow) Operate(i int) { w.push(&w.slots[i%len(w.slots)]) }

func (w *globalWindow) Iterate() {
	for i := range w.pushes {
		w.Operate(i)
	}
}

// Operate pushes one message.
func (w *globalWindow) Operate(i int) { w.push(&globalSlots[i%len(globalSlots)]) }

func (w *messageWindow) push(slot *[]byte) {
	m := newMessage(w.size, byte(w.rng.Next()))
	w.sum += uint64((*slot)[w.size-1])
	// retire: the old message, which only its slot refers to
	// publish: the new one takes the slot
	*slot = m
}

func (w *heapWindow) Teardown() kit.Result { return w.result(w.slots) }

func (w *globalWindow) Teardown() kit.Result {
	slots := globalSlots
	globalSlots = nil
	return w.result(slots)
}

func (w *messageWindow) result(slots [][]byte) kit.Result {
	w.checksum.Add(w.sum)
	for _, m := range slots {
		for ; len(m) > 0; m = m[wordSize:] {
			w.checksum.Add(binary.LittleEndian.Uint64(m))
		}
	}
	pushes, size := uint64(w.pushes), uint64(w.size)
	return kit.Result{
		Operations:     pushes,
		Allocations:    pushes,
		AllocatedBytes: pushes * size,
		PeakLiveBytes:  uint64(len(slots)+1) * size,
		Checksum:       w.checksum,
	}
}
