package tests

import (
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"memverdict/langs/go/kit"
)

func TestDueWhenProductsExceed64BitsThenItIsExact(t *testing.T) {
	for _, c := range []struct {
		i    int
		rate uint64
		want int64
	}{
		{0, 3, 0},
		{1, 3, 333_333_333},
		{2, 3, 666_666_666},
		{3, 3, 1_000_000_000},
		{7, 1_000_000_000, 7},
		{1_000_000_007, 999_999_937, 1_000_000_070},
		{1 << 60, 1_000_000_000, 1 << 60},
		{math.MaxInt64, 1_000_000_000, math.MaxInt64},
		{9_000_000_001, 7, 1_285_714_285_857_142_857},
	} {
		if got := kit.Due(c.i, c.rate); got != c.want {
			t.Errorf("operation %d at %d a second is due at %d, want %d", c.i, c.rate, got, c.want)
		}
	}
}

func TestSpinWhenACollectionBeginsThenItNeedNotWaitForTheEnd(t *testing.T) {
	end, ended := kit.Now()+2_000_000_000, make(chan int64)
	go func() { ended <- kit.SpinUntil(end) }()
	kit.SpinUntil(kit.Now() + 50_000_000) // until the other one spins
	runtime.GC()
	collected := kit.Now()
	if collected >= end {
		t.Errorf("collected %d ns after the end", collected-end)
	}
	if got := <-ended; got < end {
		t.Errorf("ended %d ns early", end-got)
	}
}

// steps is a state whose operations note when they were called.
type steps struct {
	called []int
	begun  []int64
	each   func(i int)
}

func (*steps) Iterate()             {}
func (*steps) Teardown() kit.Result { return kit.Result{} }
func (s *steps) Operate(i int) {
	s.called, s.begun = append(s.called, i), append(s.begun, kit.Now())
	s.each(i)
}

func newLoop(t *testing.T, line string) *kit.OpenLoop {
	t.Helper()
	params, err := kit.ParseParams(sample, strings.Fields("variant=two mode=latency seed=1 warmup=0 size=16 "+line))
	if err != nil {
		t.Fatal(err)
	}
	loop, err := kit.NewOpenLoop(params)
	if err != nil {
		t.Fatal(err)
	}
	return loop
}

// report is what a loop writes at the end.
func report(t *testing.T, loop *kit.OpenLoop) []message {
	t.Helper()
	var out strings.Builder
	loop.Report(kit.NewStream(&out))
	return parse(t, out.String())
}

func TestOpenLoopWhenMeasuredThenNoOperationIsEarlyAndALateOneStartsAtOnce(t *testing.T) {
	loop := newLoop(t, "iterations=1 count=20 rate=500 tick_us=0")
	const held = 15_000_000
	state := &steps{each: func(i int) {
		if i == 10 {
			kit.SpinUntil(kit.Now() + held)
		}
	}}
	before := kit.Now()
	loop.Begin()
	span := loop.Measure(state)
	loop.End(span)
	after := kit.Now()
	if span.Start < before || span.End > after || len(state.called) != 20 {
		t.Errorf("%d operations in %+v, between %d and %d", len(state.called), span, before, after)
	}
	for i, begun := range state.begun {
		if state.called[i] != i || begun < span.Start+kit.Due(i, 500) {
			t.Errorf("operation %d, at place %d, is %d ns early", state.called[i], i, span.Start+kit.Due(i, 500)-begun)
		}
	}
	histograms := only(report(t, loop), "histogram")
	response, service := histograms[0], histograms[1]
	if response.Name != "response" || service.Name != "service" || response.Count != 20 || service.Count != 20 ||
		service.Max < held || response.Max < service.Max {
		t.Errorf("response %+v, service %+v", response, service)
	}
	late := uint64(0) // those that were due while operation 10 was held: 2, 4, ... 14 ms after it was
	for _, bucket := range response.Counts {
		if bucket[0] >= uint64(kit.HistogramIndex(1_000_000)) {
			late += bucket[1]
		}
	}
	if late < 8 {
		t.Errorf("%d responses of 1 ms and more: %v", late, response.Counts)
	}
}

func TestOpenLoopWhenItWarmsUpThenNothingIsKeptAndNothingWaitedFor(t *testing.T) {
	loop := newLoop(t, "iterations=1 count=100 rate=1 tick_us=100") // a schedule of 99 s
	state := &steps{each: func(int) {}}
	span := loop.WarmUp(state)
	if len(state.called) != 100 || span.End-span.Start > 30_000_000_000 {
		t.Errorf("%d operations in %+v", len(state.called), span)
	}
	for _, m := range report(t, loop) {
		if m.Type == "stall" || m.Count != 0 || m.Ticks != 0 {
			t.Errorf("kept %+v", m)
		}
	}
}

func TestStopsWhenBucketsAreTurnedIntoAHistogramThenTheirUpperEdgesCount(t *testing.T) {
	edges := []float64{math.Inf(-1), 0, 64e-9, 128e-9, 163840e-9, math.Inf(1)}
	h := kit.HistogramOfEdges(edges, []uint64{0, 0, 3, 2, 0})
	if h.Count != 5 || h.Max != 163_840 || h.Counts[128] != 3 || h.Counts[8448] != 2 {
		t.Errorf("%d values up to %d", h.Count, h.Max)
	}
	h = kit.HistogramOfEdges(edges, []uint64{1, 1, 0, 0, 4})
	if h.Count != 6 || h.Max != 163_840 || h.Counts[0] != 1 || h.Counts[64] != 1 || h.Counts[8448] != 4 {
		t.Errorf("%d values up to %d at the ends", h.Count, h.Max)
	}
}

func TestStopsWhenCollectedThenOnlyThoseBetweenBeginAndEndCount(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	stops := kit.NewStops()
	stops.Begin()
	runtime.GC()
	stops.End()
	within := stops.Histogram()
	if within == nil || within.Count < 2 || within.Max <= 0 {
		t.Fatalf("a cycle stops twice: %+v", within)
	}
	runtime.GC()
	stops.Begin()
	stops.End()
	if got := stops.Histogram(); *got != *within {
		t.Errorf("%d stops and then %d", within.Count, got.Count)
	}
	stops.Begin()
	runtime.GC()
	stops.End()
	if got := stops.Histogram(); got.Count < within.Count+2 {
		t.Errorf("%d stops and then %d", within.Count, got.Count)
	}
}

func TestCycleStopsWhenCollectedThenTheyStandOnTheMonotonicClock(t *testing.T) {
	const clocks = 1_000_000_000 // by which a reading of both may be apart on a busy machine
	before := kit.Now()
	runtime.GC()
	runtime.GC()
	after := kit.Now()
	stops := kit.CycleStops()
	if len(stops) < 2 || !slices.IsSortedFunc(stops, func(a, b kit.Span) int { return int(a.End - b.End) }) {
		t.Fatalf("stops are %v", stops)
	}
	for _, stop := range stops[len(stops)-2:] {
		if stop.Start >= stop.End || stop.Start < before-clocks || stop.End > after+clocks {
			t.Errorf("%+v, collected between %d and %d", stop, before, after)
		}
	}
}

func TestRunnerWhenLatencyIsAskedForThenTheStreamIsComplete(t *testing.T) {
	const rate, arrivals = 20_000, 10_000
	messages := complete(t, []string{"GOGC=1"}, cache+" mode=latency warmup=1 iterations=2 rate=20000 tick_us=200")
	iterations, end := only(messages, "iteration"), messages[len(messages)-1]
	kinds := strings.Join(slices.Compact(strings.Fields(types(messages))), " ")
	if kinds != "start ready iteration histogram ticker stall gc_pause end" || len(iterations) != 3 {
		t.Fatal(kinds)
	}
	for i, it := range iterations {
		if it.Operations != arrivals || it.Checksum != complete(t, nil, cache+" mode=throughput warmup=0 iterations=1")[2].Checksum {
			t.Errorf("iteration %d is %+v", i, it)
		}
		if i > 0 && it.ElapsedNS < kit.Due(arrivals-1, rate) {
			t.Errorf("iteration %d took %d ns, less than its schedule", i, it.ElapsedNS)
		}
	}
	during := func(moment int64) bool {
		return slices.ContainsFunc(iterations[1:], func(it message) bool { return it.StartNS <= moment && moment <= it.StartNS+it.ElapsedNS })
	}

	histograms := only(messages, "histogram")
	pauses := only(messages, "gc_pause")
	for i, name := range []string{"response", "service", "reported_stop"} {
		h, total, last := histograms[i], uint64(0), -1
		for _, bucket := range h.Counts {
			if int(bucket[0]) <= last || bucket[1] == 0 {
				t.Errorf("%s: bucket %v after %d", name, bucket, last)
			}
			total, last = total+bucket[1], int(bucket[0])
		}
		if h.Name != name || h.Lowest != 1 || h.Highest != 3_600_000_000_000 || h.Digits != 3 || h.Count != total ||
			last != kit.HistogramIndex(h.Max) || i < 2 && total != 2*arrivals || i == 2 && total < uint64(len(pauses)) {
			t.Errorf("%s is %+v", name, h)
		}
	}

	ticker := only(messages, "ticker")[0]
	late := ticker.EndNS - ticker.StartNS - (ticker.Ticks+ticker.Skipped)*200_000
	if ticker.PeriodNS != 200_000 || ticker.ThresholdNS != 400_000 || late < 0 || late >= 2*200_000 || ticker.Dropped != 0 ||
		ticker.StartNS > iterations[1].StartNS || ticker.EndNS-ticker.StartNS < iterations[1].ElapsedNS+iterations[2].ElapsedNS {
		t.Errorf("%+v, late by %d, beside %+v", ticker, late, iterations)
	}

	stalls, operations := only(messages, "stall"), 0
	for i, stall := range stalls {
		if i > 0 && stall.StartNS < stalls[i-1].StartNS || stall.StartNS >= stall.EndNS {
			t.Errorf("stall %d is %+v", i, stall)
		}
		if stall.Kind == "operation" {
			operations++
		}
		if (stall.Kind == "operation") != (stall.RunDelay == nil) ||
			stall.Kind == "operation" && !during(stall.StartNS) || stall.Kind == "ticker" && stall.EndNS-stall.StartNS < 400_000 {
			t.Errorf("stall %d is %+v", i, stall)
		}
	}
	if operations != 64 {
		t.Errorf("%d operations among the longest", operations)
	}
	for _, pause := range pauses {
		if pause.Kind != "cycle_stops" || pause.StartNS >= pause.EndNS || !during(pause.StartNS) {
			t.Errorf("%+v beside %+v", pause, iterations)
		}
	}
	if int64(len(pauses)) > *end.GCCycles || end.Counters["hits"] != 952 {
		t.Errorf("%d cycles in %+v", len(pauses), end)
	}
}

func TestRunnerWhenThereIsNoTickerThenNothingSpeaksOfIt(t *testing.T) {
	messages := complete(t, nil, canary+" variant=stall mode=latency warmup=0 iterations=1 rate=10000 tick_us=0")
	if got := len(only(messages, "ticker")); got != 0 {
		t.Errorf("%d messages of a ticker", got)
	}
	for _, stall := range only(messages, "stall") {
		if stall.Kind != "operation" {
			t.Errorf("%+v", stall)
		}
	}
}

func TestCanaryWhenItStallsThenOperationsTellHowOftenAndHowLong(t *testing.T) {
	line := strings.Replace(canary, "hold_ms=0", "hold_ms=20", 1) + " variant=stall mode=latency warmup=0 iterations=1 rate=1000 tick_us=1000"
	messages := complete(t, nil, line)
	held := slices.DeleteFunc(only(messages, "stall"), func(m message) bool {
		return m.Kind != "operation" || m.EndNS-m.StartNS < 20_010_000
	})
	response := only(messages, "histogram")[0]
	if len(held) < 2 || response.Max < 20_010_000 {
		t.Errorf("held operations are %+v, longest response is %d", held, response.Max)
	}
}
