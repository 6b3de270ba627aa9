package tests

import (
	"math"
	"slices"
	"testing"

	"memverdict/langs/go/kit"
)

func TestHistogramIndexWhenValuesAreAtEdgesThenItIsHdrHistograms(t *testing.T) {
	for value, want := range map[int64]int{ // as Python's hdrh gives them for 1, 3600000000000, 3
		0: 0, 1: 1, 1023: 1023, 1024: 1024, 2046: 2046, 2047: 2047, 2048: 2048, 2049: 2048, 2050: 2049, 4095: 3071,
		4096: 3072, 4099: 3072, 4100: 3073, 8191: 4095, 8192: 4096, 100_000: 7706, 163_840: 8448, 1_000_000: 11169,
		20_000_000: 15556, 123_456_789: 18267, 1_000_000_000: 21363, 60_000_000_000: 27388, 1 << 40: 31744,
		1<<41 - 1: 32767, 1 << 41: 32768, 3_599_999_999_999: 33420, 3_600_000_000_000: 33420,
	} {
		if got := kit.HistogramIndex(value); got != want {
			t.Errorf("index of %d is %d, want %d", value, got, want)
		}
	}
}

func TestHistogramWhenValueIsAboveTheHighestThenItCountsAsThatAndIsTheMaximum(t *testing.T) {
	h := new(kit.Histogram)
	h.Add(5, 2)
	h.Add(math.MaxInt64, 1)
	if h.Count != 3 || h.Max != math.MaxInt64 || h.Counts[5] != 2 || h.Counts[33420] != 1 {
		t.Errorf("%d values up to %d, %d and %d", h.Count, h.Max, h.Counts[5], h.Counts[33420])
	}
}

func TestRecorderWhenOperationsAreManyThenTheLongestAreKeptByStart(t *testing.T) {
	recorder, rng := new(kit.Recorder), kit.NewRNG(42)
	var all []kit.Span
	for i := range int64(1000) {
		begun := i * 1_000_000
		span := kit.Span{Start: begun, End: begun + int64(rng.Next()%500_000)}
		all = append(all, span)
		recorder.Add(begun-7, span.Start, span.End)
	}
	length := func(s kit.Span) int64 { return s.End - s.Start }
	slices.SortFunc(all, func(a, b kit.Span) int { return int(length(b) - length(a)) })
	longest, want := length(all[0]), all[:64]
	slices.SortFunc(want, func(a, b kit.Span) int { return int(a.Start - b.Start) })
	if got := recorder.Longest(); !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if s, r := &recorder.Service, &recorder.Response; s.Count != 1000 || r.Count != 1000 || s.Max != longest || r.Max != s.Max+7 {
		t.Errorf("service %d up to %d, response %d up to %d", s.Count, s.Max, r.Count, r.Max)
	}
}

func TestRecorderWhenClearedThenNothingIsLeft(t *testing.T) {
	recorder := new(kit.Recorder)
	for i := range int64(100) {
		recorder.Add(i, i, 2*i)
	}
	recorder.Clear()
	if *recorder != (kit.Recorder{}) || len(recorder.Longest()) != 0 {
		t.Errorf("%d operations are left", len(recorder.Longest()))
	}
}

func TestGapsWhenThereIsNoRoomThenTheyAreCounted(t *testing.T) {
	gaps := new(kit.Gaps)
	for i := range int64(1<<16 + 3) {
		gaps.Add(kit.Gap{Span: kit.Span{Start: i, End: i + 1}, Delay: i})
	}
	all := gaps.All()
	if gaps.Dropped != 3 || len(all) != 1<<16 || all[0].Start != 0 || all[1<<16-1].Delay != 1<<16-1 {
		t.Errorf("%d dropped, %d kept", gaps.Dropped, len(all))
	}
	gaps.Clear()
	if gaps.Dropped != 0 || len(gaps.All()) != 0 {
		t.Errorf("%d dropped, %d kept after all were forgotten", gaps.Dropped, len(gaps.All()))
	}
}

func TestRecordingWhenDoneThenNothingIsAllocated(t *testing.T) {
	recorder, gaps, stops := new(kit.Recorder), new(kit.Gaps), kit.NewStops()
	now := int64(0)
	for name, record := range map[string]func(){
		"operation": func() { now++; recorder.Add(0, 0, now*now) }, // ever longer: each is one of the longest
		"gap":       func() { gaps.Add(kit.Gap{}) },
		"stops":     func() { stops.Begin(); stops.End() },
		"due":       func() { kit.Due(1<<30, 3) },
		"spin":      func() { kit.SpinUntil(kit.Now() + 1000) },
	} {
		if n := testing.AllocsPerRun(1000, record); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
