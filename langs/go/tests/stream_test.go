package tests

import (
	"errors"
	"strings"
	"testing"

	"memverdict/langs/go/kit"
)

// faulty accepts so many writes.
type faulty struct {
	strings.Builder
	left int
}

func (f *faulty) Write(line []byte) (int, error) {
	if f.left == 0 {
		return 0, errors.New("no space left")
	}
	f.left--
	return f.Builder.Write(line)
}

func TestStreamWhenWrittenThenEachMessageIsALine(t *testing.T) {
	out := &faulty{left: 15}
	s := kit.NewStream(out)
	s.Start("go1.x", []kit.Setting{{Name: "gogc", Number: -1}, {Name: "collector", Text: "classic"}}, 2, 512, true, 7, 1)
	s.Start("go1.x", nil, 1, 512, false, 7, 1)
	s.Ready()
	it := kit.Iteration{Index: 3, Phase: "warmup", StartNS: 10, ElapsedNS: 20, CPUNS: 30}
	it.Result = kit.Result{Operations: 1, Allocations: 2, AllocatedBytes: 3, PeakLiveBytes: 4, Checksum: 0xab}
	s.Iteration(&it)
	it.Form, it.Counted, it.Objects, it.Bytes = "local", true, 5, 1<<64-1
	s.Iteration(&it)
	s.Checkpoint(kit.Checkpoint{Name: "after_fill", At: 1, Live: 2, Resident: 3, PeakResident: 4, Proportional: 5})
	h := new(kit.Histogram)
	s.Histogram("service", h)
	h.Add(7, 1)
	h.Add(2050, 2)
	s.Histogram("service", h)
	s.Ticker(1, 2, kit.Ticks{Span: kit.Span{Start: 3, End: 4}, Ticks: 5, Skipped: 6, CPU: 8}, 7)
	s.Stall(kit.Stall{Kind: "operation", Span: kit.Span{Start: 1, End: 2}})
	s.Stall(kit.Stall{Kind: "ticker", Span: kit.Span{Start: 1, End: 2}, Delayed: true})
	s.GCPause("cycle_stops", kit.Span{Start: 1, End: 2})
	s.End(1, 2, 3, 4, []kit.Counter{{Name: "hits", Value: 5}, {Name: "misses", Value: 6}})
	want := `{"type":"start","format":1,"language":"go","toolchain":"go1.x","in_force":{"gogc":-1,"collector":"classic"},"cpus":2,"memory_limit":512,"pid":7,"cpu_resolution_ns":1}
{"type":"start","format":1,"language":"go","toolchain":"go1.x","in_force":{},"cpus":1,"pid":7,"cpu_resolution_ns":1}
{"type":"ready"}
{"type":"iteration","index":3,"phase":"warmup","start_ns":10,"elapsed_ns":20,"cpu_ns":30,"operations":1,"allocations":2,"allocated_bytes":3,"peak_live_bytes":4,"checksum":"00000000000000ab"}
{"type":"iteration","index":3,"phase":"warmup","form":"local","start_ns":10,"elapsed_ns":20,"cpu_ns":30,"operations":1,"allocations":2,"allocated_bytes":3,"peak_live_bytes":4,"runtime_allocations":5,"runtime_bytes":18446744073709551615,"checksum":"00000000000000ab"}
{"type":"checkpoint","name":"after_fill","at_ns":1,"live_bytes":2,"resident_bytes":3,"peak_resident_bytes":4,"pss_bytes":5}
{"type":"histogram","name":"service","lowest":1,"highest":3600000000000,"digits":3,"count":0,"max":0,"counts":[]}
{"type":"histogram","name":"service","lowest":1,"highest":3600000000000,"digits":3,"count":3,"max":2050,"counts":[[7,1],[2049,2]]}
{"type":"ticker","period_ns":1,"threshold_ns":2,"start_ns":3,"end_ns":4,"ticks":5,"skipped":6,"dropped":7,"cpu_ns":8}
{"type":"stall","kind":"operation","start_ns":1,"end_ns":2}
{"type":"stall","kind":"ticker","start_ns":1,"end_ns":2,"run_delay_ns":0}
{"type":"gc_pause","kind":"cycle_stops","start_ns":1,"end_ns":2}
{"type":"end","status":"ok","peak_resident_bytes":2,"resident_bytes":1,"gc_cycles":3,"gc_cpu_ns":4,"counters":{"hits":5,"misses":6}}
`
	if out.String() != want {
		t.Errorf("wrote\n%s", out.String())
	}
}

func TestStreamWhenWritingFailsThenNothingFollowsAndTheErrorStays(t *testing.T) {
	out := &faulty{left: 1}
	s := kit.NewStream(out)
	s.Ready()
	if s.Err() != nil {
		t.Error(s.Err())
	}
	s.Ready()
	out.left = 1
	s.Ready()
	if s.Err() == nil || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("error is %v after %q", s.Err(), out.String())
	}
}
