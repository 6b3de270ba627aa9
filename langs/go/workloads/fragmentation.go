package workloads

import "memverdict/langs/go/kit"

// Fragmentation: most of many small objects of mixed sizes are released, those left lie scattered, and larger ones are
// wanted. The collector does not move objects, so holes are its to fill.
func init() {
	kit.Register(kit.Workload{
		ID: "fragmentation",
		Parameters: []kit.Parameter{
			{Name: "objects", Least: smallPerLarge, Most: 1 << 32},
			{Name: "cycles", Most: 1 << 16},
			{Name: "idle_s", Most: 330},
		},
		Variants: []kit.Variant{{ID: "heap", Setup: setupFragmentation}},
	})
}

const (
	leastSmallBytes = 16
	octaves         = 6
	leastLargeBytes = 2048
	largeSizes      = 769
	survivesOneIn   = 10
	smallPerLarge   = 32
)

type fragmentation struct {
	run    *kit.Run
	cycles int
	small  [][]uint64 // a slot is empty where it is nil
	large  [][]uint64
	rng    kit.RNG

	live           uint64
	liveBytes      uint64
	peakLiveBytes  uint64
	allocations    uint64
	allocatedBytes uint64
	checksum       kit.Checksum
}

func (f *fragmentation) newObject(bytes uint64) []uint64 {
	// allocate: one object
	object := make([]uint64, bytes/wordSize)
	// touch: every word of it
	word := f.rng.Next()
	for i := range object {
		object[i] = word
	}
	f.live++
	f.liveBytes += bytes
	f.allocations++
	f.allocatedBytes += bytes
	return object
}

func (f *fragmentation) hash(object []uint64) {
	var sum uint64
	for _, word := range object {
		sum += word
	}
	f.checksum.Add(sum)
}

func (f *fragmentation) release(slot *[]uint64) {
	f.hash(*slot)
	f.live--
	f.liveBytes -= uint64(len(*slot)) * wordSize
	// retire: the object of this slot, which only the slot refers to
	*slot = nil
}

func (f *fragmentation) fill() {
	for slot, object := range f.small {
		if object == nil {
			drawn := f.rng.Next()
			base := uint64(leastSmallBytes) << (drawn % octaves)
			bytes := (base + (drawn>>8)%base) &^ (wordSize - 1)
			// publish: the small object takes the slot
			f.small[slot] = f.newObject(bytes)
		}
	}
	f.peakLiveBytes = max(f.peakLiveBytes, f.liveBytes)
}

func (f *fragmentation) thin() {
	for slot := range f.small {
		if f.rng.Next()%survivesOneIn != 0 {
			f.release(&f.small[slot])
		}
	}
}

func (f *fragmentation) makeLarge() {
	for place := range f.large {
		bytes := leastLargeBytes + 8*(f.rng.Next()%largeSizes)
		// publish: the large object takes its place
		f.large[place] = f.newObject(bytes)
	}
	f.peakLiveBytes = max(f.peakLiveBytes, f.liveBytes)
}

func (f *fragmentation) hashSurvivors() {
	for _, object := range f.small {
		if object != nil {
			f.hash(object)
		}
	}
}

func setupFragmentation(run *kit.Run) kit.State {
	objects := run.Int("objects")
	f := &fragmentation{
		run:      run,
		cycles:   run.Int("cycles"),
		small:    make([][]uint64, objects),
		large:    make([][]uint64, objects/smallPerLarge),
		rng:      kit.NewRNG(run.Seed),
		checksum: kit.NewChecksum(),
	}
	f.fill()
	f.thin()
	f.allocations, f.allocatedBytes = 0, 0
	return f
}

func (f *fragmentation) checkpoint(taken bool, name string) {
	if taken {
		f.run.Checkpoint(name, f.liveBytes)
	}
}

func (f *fragmentation) Iterate() {
	for cycle := 1; cycle <= f.cycles; cycle++ {
		last := cycle == f.cycles
		f.fill()
		f.checkpoint(last, "after_fill")
		f.thin()
		f.checkpoint(last, "after_release")
		f.makeLarge()
		f.checkpoint(last, "after_refill")
		f.hashSurvivors()
		for place := range f.large {
			f.release(&f.large[place])
		}
	}
}

func (f *fragmentation) Teardown() kit.Result {
	result := kit.Result{
		Operations:     f.allocations,
		Allocations:    f.allocations,
		AllocatedBytes: f.allocatedBytes,
		PeakLiveBytes:  f.peakLiveBytes,
		Counters:       []kit.Counter{{Name: "survivors", Value: f.live}, {Name: "survivor_bytes", Value: f.liveBytes}},
	}
	f.run.Aftermath(f.liveBytes, f.run.Int("idle_s"))
	for slot, object := range f.small {
		if object != nil {
			f.release(&f.small[slot])
		}
	}
	result.Checksum = f.checksum
	return result
}
