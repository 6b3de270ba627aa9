package workloads

import (
	"encoding/binary"

	"memverdict/langs/go/kit"
)

// Live map: a large table that stays while every operation leaves a block of garbage. What the collector looks through
// is pointers to entries, or one block without a pointer: entries in the table itself, or one buffer of bytes.
func init() {
	kit.Register(kit.Workload{
		ID: "live_map",
		Parameters: []kit.Parameter{
			{Name: "mebibytes", Least: 1, Most: 1024},
			{Name: "operations", Most: 1 << 40},
			{Name: "garbage", Least: wordSize, Most: 1 << 20, Multiple: wordSize},
		},
		Variants: []kit.Variant{
			{ID: "pointers", Setup: func(run *kit.Run) kit.State { return newLiveMap(run, newPointerTable) }},
			{ID: "inline", Setup: func(run *kit.Run) kit.State { return newLiveMap(run, newInlineTable) }},
			{ID: "flat", Setup: func(run *kit.Run) kit.State { return newLiveMap(run, newFlatTable) }},
		},
	})
}

const (
	mapEntryBytes      = 32
	entriesPerMebibyte = 32768
	slotsPerMebibyte   = 49152
	liveBlocks         = 256
	gamma              = 0x9e3779b97f4a7c15 // by which a generator's state grows from output to output
	keyAt, countAt     = 0, 8               // in the bytes of a flat entry
	totalAt, numberAt  = 16, 24
)

type mapEntry struct{ key, count, total, number uint64 } // number counts from 1

// update counts a draw and returns the total until then.
func (e *mapEntry) update(draw uint64) uint64 {
	total := e.total
	e.count++
	e.total += draw
	return total
}

// liveTable is an open-addressing table of entries that are never removed.
type liveTable interface {
	insert(key, number uint64)
	// update counts a draw in the entry of a key that is there. It returns the entry's total until then, and how many
	// slots it looked at.
	update(key, draw uint64) (total uint64, probes int)
	// each calls use with every entry, in the order of slots.
	each(use func(mapEntry))
}

// scale returns where x lies among the 64-bit numbers, as one of many (below 2^32) equal parts.
func scale(x uint64, many int) int { return int((x >> 32) * uint64(many) >> 32) }

func nextSlot(slot, slots int) int {
	if slot++; slot < slots {
		return slot
	}
	return 0
}

type pointerTable struct{ slots []*mapEntry }

func newPointerTable(_, slots int) liveTable { return &pointerTable{make([]*mapEntry, slots)} }

func (t *pointerTable) insert(key, number uint64) {
	slot := scale(key, len(t.slots))
	for t.slots[slot] != nil {
		slot = nextSlot(slot, len(t.slots))
	}
	// allocate: one entry per key
	// touch: all of its words
	entry := &mapEntry{key: key, total: key, number: number}
	// publish: in its slot, where it stays
	t.slots[slot] = entry
}

func (t *pointerTable) update(key, draw uint64) (total uint64, probes int) {
	slot, probes := scale(key, len(t.slots)), 1
	for t.slots[slot].key != key {
		slot = nextSlot(slot, len(t.slots))
		probes++
	}
	return t.slots[slot].update(draw), probes
}

func (t *pointerTable) each(use func(mapEntry)) {
	for _, entry := range t.slots {
		if entry != nil {
			use(*entry)
		}
	}
}

// inlineTable has empty slots with number 0.
type inlineTable struct{ slots []mapEntry }

func newInlineTable(_, slots int) liveTable { return &inlineTable{make([]mapEntry, slots)} }

func (t *inlineTable) insert(key, number uint64) {
	slot := scale(key, len(t.slots))
	for t.slots[slot].number != 0 {
		slot = nextSlot(slot, len(t.slots))
	}
	t.slots[slot] = mapEntry{key: key, total: key, number: number}
}

func (t *inlineTable) update(key, draw uint64) (total uint64, probes int) {
	slot, probes := scale(key, len(t.slots)), 1
	for t.slots[slot].key != key {
		slot = nextSlot(slot, len(t.slots))
		probes++
	}
	return t.slots[slot].update(draw), probes
}

func (t *inlineTable) each(use func(mapEntry)) {
	for _, entry := range t.slots {
		if entry.number != 0 {
			use(entry)
		}
	}
}

// flatTable has the number of an entry in each slot, 0 where it is empty, and the entries one after the other in bytes.
type flatTable struct {
	slots []uint32
	bytes []byte
}

func newFlatTable(entries, slots int) liveTable {
	return &flatTable{make([]uint32, slots), make([]byte, entries*mapEntryBytes)}
}

// entry returns the bytes of an entry by its number.
func (t *flatTable) entry(number uint32) []byte {
	at := (int(number) - 1) * mapEntryBytes
	return t.bytes[at : at+mapEntryBytes]
}

func (t *flatTable) insert(key, number uint64) {
	slot := scale(key, len(t.slots))
	for t.slots[slot] != 0 {
		slot = nextSlot(slot, len(t.slots))
	}
	t.slots[slot] = uint32(number)
	entry := t.entry(uint32(number))
	binary.LittleEndian.PutUint64(entry[keyAt:], key)
	binary.LittleEndian.PutUint64(entry[countAt:], 0)
	binary.LittleEndian.PutUint64(entry[totalAt:], key)
	binary.LittleEndian.PutUint64(entry[numberAt:], number)
}

func (t *flatTable) update(key, draw uint64) (total uint64, probes int) {
	slot, probes := scale(key, len(t.slots)), 1
	entry := t.entry(t.slots[slot])
	for binary.LittleEndian.Uint64(entry[keyAt:]) != key {
		slot = nextSlot(slot, len(t.slots))
		entry = t.entry(t.slots[slot])
		probes++
	}
	total = binary.LittleEndian.Uint64(entry[totalAt:])
	binary.LittleEndian.PutUint64(entry[countAt:], binary.LittleEndian.Uint64(entry[countAt:])+1)
	binary.LittleEndian.PutUint64(entry[totalAt:], total+draw)
	return total, probes
}

func (t *flatTable) each(use func(mapEntry)) {
	for _, number := range t.slots {
		if number != 0 {
			entry := t.entry(number)
			use(mapEntry{
				key:    binary.LittleEndian.Uint64(entry[keyAt:]),
				count:  binary.LittleEndian.Uint64(entry[countAt:]),
				total:  binary.LittleEndian.Uint64(entry[totalAt:]),
				number: binary.LittleEndian.Uint64(entry[numberAt:]),
			})
		}
	}
}

type liveMap struct {
	table      liveTable
	seed       uint64
	entries    int
	operations int
	words      int // of a block
	rng        kit.RNG
	ring       [liveBlocks][]uint64

	sum, probes uint64
	checksum    kit.Checksum
}

func newLiveMap(run *kit.Run, newTable func(entries, slots int) liveTable) *liveMap {
	mebibytes := run.Int("mebibytes")
	m := &liveMap{
		table:      newTable(mebibytes*entriesPerMebibyte, mebibytes*slotsPerMebibyte),
		seed:       run.Seed,
		entries:    mebibytes * entriesPerMebibyte,
		operations: run.Int("operations"),
		words:      run.Int("garbage") / wordSize,
		rng:        kit.NewRNG(run.Seed),
		checksum:   kit.NewChecksum(),
	}
	for e := range m.entries {
		m.table.insert(m.rng.Next(), uint64(e)+1)
	}
	for j := range m.ring {
		m.ring[j] = newBlock(m.words, uint64(j))
	}
	return m
}

func newBlock(words int, word uint64) []uint64 {
	// allocate: one block of garbage
	block := make([]uint64, words)
	// touch: every word of it
	for i := range block {
		block[i] = word
	}
	return block
}

func (m *liveMap) key(entry int) uint64 {
	rng := kit.NewRNG(m.seed + uint64(entry)*gamma)
	return rng.Next()
}

func (m *liveMap) Iterate() {
	for i := range m.operations {
		draw := m.rng.Next()
		total, probes := m.table.update(m.key(scale(draw, m.entries)), draw)
		block := newBlock(m.words, draw)
		place := &m.ring[i%liveBlocks]
		m.sum += total + (*place)[m.words-1]
		m.probes += uint64(probes)
		// retire: the oldest block of the ring, which only its place refers to
		// publish: the new one takes its place
		*place = block
	}
}

func (m *liveMap) Teardown() kit.Result {
	var entries uint64
	m.checksum.Add(m.sum)
	m.table.each(func(entry mapEntry) {
		m.checksum.Add(entry.key)
		m.checksum.Add(entry.count)
		m.checksum.Add(entry.total)
		m.checksum.Add(entry.number)
		entries++
	})
	for _, block := range m.ring {
		for _, word := range block {
			m.checksum.Add(word)
		}
	}
	operations, garbage := uint64(m.operations), uint64(m.words*wordSize)
	return kit.Result{
		Operations:     operations,
		Allocations:    operations,
		AllocatedBytes: operations * garbage,
		PeakLiveBytes:  uint64(m.entries)*mapEntryBytes + (liveBlocks+1)*garbage,
		Checksum:       m.checksum,
		Counters:       []kit.Counter{{Name: "entries", Value: entries}, {Name: "probes", Value: m.probes}},
	}
}
