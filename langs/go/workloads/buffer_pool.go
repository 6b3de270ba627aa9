package workloads

import (
	"sync"

	"memverdict/langs/go/kit"
)

// Buffer pool: bursts of requests, each with a buffer of its own, which is allocated or comes from a pool.
func init() {
	kit.Register(kit.Workload{
		ID: "buffer_pool",
		Parameters: []kit.Parameter{
			{Name: "burst", Least: 1, Most: 1 << 16},
			{Name: "rounds", Most: 1 << 24},
			{Name: "bimodal_rounds", Most: 1 << 24},
			{Name: "cap_kib", Most: 1 << 32},
		},
		Variants: []kit.Variant{
			{ID: "alloc", Setup: func(run *kit.Run) kit.State { return newBufferPool(run, allocator{}, false) }},
			{ID: "pool", Setup: func(run *kit.Run) kit.State { return newBufferPool(run, &runtimePool{}, false) }},
			{ID: "capped", Setup: func(run *kit.Run) kit.State { return newBufferPool(run, newCappedPool(run), false) }},
			{ID: "alloc_bimodal", Setup: func(run *kit.Run) kit.State { return newBufferPool(run, allocator{}, true) }},
			{ID: "pool_bimodal", Setup: func(run *kit.Run) kit.State { return newBufferPool(run, &runtimePool{}, true) }},
			{ID: "capped_bimodal", Setup: func(run *kit.Run) kit.State { return newBufferPool(run, newCappedPool(run), true) }},
		},
	})
}

const (
	uniformBuffer = 16 << 10
	smallBuffer   = 1 << 10
	largeBuffer   = 4 << 20
	largeOneIn    = 100
)

// buffer is as many words of a buffer as a request asked for. A pool of the runtime holds pointers, so a buffer of
// that pool travels with the pointer that it is given back by.
type buffer struct {
	words  []uint64
	handle *[]uint64
}

// bufferSource is where buffers come from and go to.
type bufferSource interface {
	take(words int) buffer
	giveBack(buffer)
	counters() []kit.Counter
}

type bufferPool struct {
	run      *kit.Run
	source   bufferSource
	bimodal  bool
	rounds   int
	inFlight []buffer
	rng      kit.RNG

	allocatedBytes uint64
	peakLiveBytes  uint64
	checksum       kit.Checksum
}

func newBufferPool(run *kit.Run, source bufferSource, bimodal bool) *bufferPool {
	rounds := "rounds"
	if bimodal {
		rounds = "bimodal_rounds"
	}
	return &bufferPool{
		run:      run,
		source:   source,
		bimodal:  bimodal,
		rounds:   run.Int(rounds),
		inFlight: make([]buffer, run.Int("burst")),
		rng:      kit.NewRNG(run.Seed),
		checksum: kit.NewChecksum(),
	}
}

func newWords(words int) []uint64 {
	// allocate: one buffer, as large as it is asked for
	return make([]uint64, words)
}

// allocator makes every buffer anew.
type allocator struct{}

func (allocator) take(words int) buffer { return buffer{words: newWords(words)} }

func (allocator) giveBack(buffer) {
	// retire: the request was the only one to know the buffer
}

func (allocator) counters() []kit.Counter { return nil }

// fit returns the given words, or new ones where they are too few.
func fit(given []uint64, words int) []uint64 {
	if cap(given) < words {
		// retire: a buffer that is too small for this request
		return newWords(words)
	}
	return given[:words]
}

// runtimePool is a sync.Pool, which may drop what it holds at any collection.
type runtimePool struct{ pool sync.Pool }

func (p *runtimePool) take(words int) buffer {
	handle, ok := p.pool.Get().(*[]uint64)
	if !ok {
		handle = new([]uint64)
	}
	*handle = fit(*handle, words)
	return buffer{words: *handle, handle: handle}
}

func (p *runtimePool) giveBack(b buffer) { p.pool.Put(b.handle) }

func (p *runtimePool) counters() []kit.Counter { return nil }

// cappedPool is a stack that holds no more than so many bytes: a sync.Pool cannot be told a bound.
type cappedPool struct {
	free     [][]uint64
	cap      int // all in bytes
	retained int
	made     uint64
}

func newCappedPool(run *kit.Run) *cappedPool {
	return &cappedPool{free: make([][]uint64, 0, run.Int("burst")), cap: run.Int("cap_kib") << 10}
}

func (p *cappedPool) take(words int) buffer {
	var given []uint64
	if top := len(p.free) - 1; top >= 0 {
		given, p.free[top] = p.free[top], nil
		p.free = p.free[:top]
		p.retained -= cap(given) * wordSize
	}
	if cap(given) < words {
		p.made++
	}
	return buffer{words: fit(given, words)}
}

func (p *cappedPool) giveBack(b buffer) {
	bytes := cap(b.words) * wordSize
	if p.retained+bytes <= p.cap {
		p.free = append(p.free, b.words)
		p.retained += bytes
	}
	// retire: a buffer that would exceed the cap
}

func (p *cappedPool) counters() []kit.Counter {
	return []kit.Counter{{Name: "made", Value: p.made}, {Name: "retained_bytes", Value: uint64(p.retained)}}
}

func (p *bufferPool) bytes() int {
	switch {
	case !p.bimodal:
		return uniformBuffer
	case p.rng.Next()%largeOneIn == 0:
		return largeBuffer
	default:
		return smallBuffer
	}
}

func (p *bufferPool) begin(k int) (bytes int) {
	bytes = p.bytes()
	b := p.source.take(bytes / wordSize)
	word := p.rng.Next()
	// touch: every word that the request uses
	for i := range b.words {
		b.words[i] = word
	}
	// publish: the buffer is in flight
	p.inFlight[k] = b
	return bytes
}

func (p *bufferPool) finish(k int) {
	b := p.inFlight[k]
	p.inFlight[k] = buffer{}
	var sum uint64
	for _, word := range b.words {
		sum += word
	}
	p.checksum.Add(sum)
	p.source.giveBack(b)
}

func (p *bufferPool) Iterate() {
	for range p.rounds {
		var live uint64
		for k := range p.inFlight {
			live += uint64(p.begin(k))
		}
		p.allocatedBytes += live
		p.peakLiveBytes = max(p.peakLiveBytes, live)
		for k := range p.inFlight {
			p.finish(k)
		}
	}
}

func (p *bufferPool) Teardown() kit.Result {
	p.run.Checkpoint("after_release", 0)
	asked := uint64(p.rounds) * uint64(len(p.inFlight))
	return kit.Result{
		Operations:     asked,
		Allocations:    asked,
		AllocatedBytes: p.allocatedBytes,
		PeakLiveBytes:  p.peakLiveBytes,
		Checksum:       p.checksum,
		Counters:       p.source.counters(),
	}
}
