package kit

import (
	"runtime"
	"runtime/debug"
	"time"
)

// idleMoments are when an allocator or a runtime of these languages may have done something of itself: jemalloc within
// 10 s, Go's forced collection after 120, what two of Java's collectors give back after 300.
var idleMoments = []struct {
	seconds int
	name    string
}{{1, "idle_1s"}, {15, "idle_15s"}, {150, "idle_150s"}, {330, "idle_330s"}}

// Aftermath shows what becomes of memory after its use, in mode memory: checkpoints idle_1s, idle_15s, idle_150s and
// idle_330s as far as they come within idleSeconds, then after_collection, with a collection forced, and after_trim,
// with unused memory given back. It does nothing in the other modes. For Teardown: all of this takes its time.
func (r *Run) Aftermath(live uint64, idleSeconds int) {
	if r.checkpoints == nil {
		return
	}
	start := time.Now()
	for _, moment := range idleMoments {
		if moment.seconds > idleSeconds {
			break
		}
		time.Sleep(time.Until(start.Add(time.Duration(moment.seconds) * time.Second)))
		r.Checkpoint(moment.name, live)
	}
	runtime.GC()
	r.Checkpoint("after_collection", live)
	debug.FreeOSMemory()
	r.Checkpoint("after_trim", live)
}
