package workloads

import (
	"math/bits"

	"memverdict/langs/go/kit"
)

// LRU cache: entries that live long enough to be promoted and die soon after.
func init() {
	kit.Register(kit.Workload{
		ID:         "lru_cache",
		Parameters: []kit.Parameter{{Name: "capacity", Least: 1, Most: 1 << 30}, {Name: "accesses"}},
		Variants:   []kit.Variant{{ID: "heap", Setup: setupLRUCache, Arrivals: "accesses"}},
	})
}

const entryBytes = 40

// lruEntry is linked into the list by prev and next, and into its bucket by chain.
type lruEntry struct {
	prev, next *lruEntry
	chain      *lruEntry
	key, value uint64
}

// lruCache is a hash table with chains and a list from most to least recently used, both intrusive: an entry is one
// object. The list is a ring through root, as in container/list, so that linking knows no special case.
type lruCache struct {
	accesses int
	capacity int
	keys     uint64 // of each generator's draws
	puts     lcg
	gets     lcg

	buckets []*lruEntry
	shift   uint // of a 64-bit hash to a bucket, below 64
	root    lruEntry
	length  int

	inserted, hits, misses, sum uint64
	checksum                    kit.Checksum
}

func setupLRUCache(run *kit.Run) kit.State {
	capacity := run.Int("capacity")
	log2 := bits.Len(uint(2*capacity - 1)) // of the smallest power of two >= 2 * capacity
	c := &lruCache{
		accesses: run.Int("accesses"),
		capacity: capacity,
		keys:     10 * uint64(capacity),
		puts:     newLCG(run.Seed),
		gets:     newLCG(run.Seed + 1),
		buckets:  make([]*lruEntry, 1<<log2),
		shift:    uint(64 - log2),
		checksum: kit.NewChecksum(),
	}
	c.root.prev, c.root.next = &c.root, &c.root
	return c
}

func (c *lruCache) Iterate() {
	for i := range c.accesses {
		c.Operate(i)
	}
	c.Conclude()
}

// Operate puts one entry and gets one.
func (c *lruCache) Operate(i int) {
	c.put(c.puts.next()%c.keys, uint64(i))
	c.get(c.gets.next() % c.keys)
}

// Conclude hashes what the cache holds and empties it.
func (c *lruCache) Conclude() {
	c.checksum.Add(c.hits)
	c.checksum.Add(c.misses)
	c.checksum.Add(c.sum)
	for e := c.root.next; e != &c.root; e = e.next {
		c.checksum.Add(e.key)
		c.checksum.Add(e.value)
	}
	// Nothing refers to the entries any more but each other.
	c.root.prev, c.root.next = &c.root, &c.root
	clear(c.buckets)
}

func (c *lruCache) Teardown() kit.Result {
	return kit.Result{
		Operations:     uint64(c.accesses),
		Allocations:    c.inserted,
		AllocatedBytes: entryBytes * c.inserted,
		PeakLiveBytes:  entryBytes * uint64(c.length), // it only grows: an eviction makes room for an insertion
		Checksum:       c.checksum,
		Counters:       []kit.Counter{{Name: "hits", Value: c.hits}, {Name: "misses", Value: c.misses}},
	}
}

func (c *lruCache) evict() {
	oldest := c.root.prev
	link := c.bucket(oldest.key)
	for *link != oldest {
		link = &(*link).chain
	}
	*link = oldest.chain
	unlink(oldest)
	c.length--
	// retire: neither list nor chain refers to the oldest entry any more
}

func (c *lruCache) put(key, value uint64) {
	bucket := c.bucket(key)
	if e := find(*bucket, key); e != nil {
		e.value = value
		c.moveToFront(e)
		return
	}
	if c.length == c.capacity {
		c.evict()
	}
	// allocate: one entry
	e := new(lruEntry)
	// touch: key and value
	e.key, e.value = key, value
	// publish: in front of its chain and of the list
	e.chain = *bucket
	*bucket = e
	c.linkFront(e)
	c.length++
	c.inserted++
}

func (c *lruCache) get(key uint64) {
	e := find(*c.bucket(key), key)
	if e == nil {
		c.misses++
		return
	}
	c.hits++
	c.sum += e.value
	c.moveToFront(e)
}

func (c *lruCache) bucket(key uint64) **lruEntry {
	return &c.buckets[(key*0x9e3779b97f4a7c15)>>(c.shift&63)] // the mask spares the shift its test for 64 and more
}

func find(e *lruEntry, key uint64) *lruEntry {
	for e != nil && e.key != key {
		e = e.chain
	}
	return e
}

func (c *lruCache) moveToFront(e *lruEntry) {
	unlink(e)
	c.linkFront(e)
}

func (c *lruCache) linkFront(e *lruEntry) {
	e.prev, e.next = &c.root, c.root.next
	e.next.prev = e
	c.root.next = e
}

func unlink(e *lruEntry) {
	e.prev.next = e.next
	e.next.prev = e.prev
}

// lcg is the linear congruential generator of the published results for this workload.
type lcg struct{ state uint64 }

const lcgMask = 1<<31 - 1

func newLCG(seed uint64) lcg { return lcg{seed & lcgMask} }

func (g *lcg) next() uint64 {
	g.state = (1103515245*g.state + 12345) & lcgMask
	return g.state
}
