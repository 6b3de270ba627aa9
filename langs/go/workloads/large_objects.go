package workloads

import "memverdict/langs/go/kit"

// Large objects: few blocks of many pages each, a handful alive at a time. Whether their pages are ever used is the
// variant's.
func init() {
	kit.Register(kit.Workload{
		ID:         "large_objects",
		Parameters: []kit.Parameter{{Name: "mebibytes", Least: 1, Most: 1024}, {Name: "blocks"}},
		Variants: []kit.Variant{
			{ID: "touched", Setup: func(run *kit.Run) kit.State {
				return newLargeObjects(run, run.Int("mebibytes")*mebibyte/wordSize)
			}},
			{ID: "untouched", Setup: func(run *kit.Run) kit.State { return newLargeObjects(run, 1) }},
		},
	})
}

const largeSlots = 8

type largeObjects struct {
	words   int // of a block
	touched int // the words before this one are touched, page by page
	blocks  int
	slots   [largeSlots][]uint64
	rng     kit.RNG

	checksum kit.Checksum
}

func newLargeObjects(run *kit.Run, touched int) *largeObjects {
	return &largeObjects{
		words:    run.Int("mebibytes") * mebibyte / wordSize,
		touched:  touched,
		blocks:   run.Int("blocks"),
		rng:      kit.NewRNG(run.Seed),
		checksum: kit.NewChecksum(),
	}
}

func (l *largeObjects) empty(slot int) {
	block := l.slots[slot]
	if block == nil {
		return
	}
	for word := 0; word < l.touched; word += pageSize / wordSize {
		l.checksum.Add(block[word])
	}
	// retire: the block of this slot, which only the slot refers to
	l.slots[slot] = nil
}

func (l *largeObjects) newBlock() []uint64 {
	// allocate: one block
	block := make([]uint64, l.words)
	// touch: one word on each page, or none but the first
	for word := 0; word < l.touched; word += pageSize / wordSize {
		block[word] = l.rng.Next()
	}
	return block
}

func (l *largeObjects) Iterate() {
	for i := range l.blocks {
		l.empty(i % largeSlots)
		// publish: the new block takes the slot
		l.slots[i%largeSlots] = l.newBlock()
	}
	for slot := range l.slots {
		l.empty(slot)
	}
}

func (l *largeObjects) Teardown() kit.Result {
	blocks, bytes := uint64(l.blocks), uint64(l.words)*wordSize
	return kit.Result{
		Operations:     blocks,
		Allocations:    blocks,
		AllocatedBytes: blocks * bytes,
		PeakLiveBytes:  min(blocks, largeSlots) * bytes,
		Checksum:       l.checksum,
	}
}
