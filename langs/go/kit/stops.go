package kit

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// stopsMetric is the runtime's own histogram of the times for which the collector stopped the world, from the decision
// to stop it on.
const stopsMetric = "/sched/pauses/total/gc:seconds"

// Stops counts the stops that the runtime reports while it is told to, by their length.
type Stops struct {
	sample [1]metrics.Sample
	edges  []float64 // of the buckets, in s: one more than there are buckets
	before []uint64
	counts []uint64
}

// NewStops returns a count of no stops. Where the runtime has no such metric it stays one.
func NewStops() *Stops {
	s := &Stops{sample: [1]metrics.Sample{{Name: stopsMetric}}}
	if now := s.read(); now != nil {
		s.edges = now.Buckets
		s.before, s.counts = make([]uint64, len(now.Counts)), make([]uint64, len(now.Counts))
	}
	return s
}

// read returns the runtime's histogram; the next reading reuses its memory.
func (s *Stops) read() *metrics.Float64Histogram {
	metrics.Read(s.sample[:])
	if s.sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil
	}
	return s.sample[0].Value.Float64Histogram()
}

// Begin starts to count.
func (s *Stops) Begin() {
	if now := s.read(); now != nil {
		copy(s.before, now.Counts)
	}
}

// End adds the stops since Begin.
func (s *Stops) End() {
	if now := s.read(); now != nil {
		for i, count := range now.Counts {
			s.counts[i] += count - s.before[i]
		}
	}
}

// Histogram returns the stops counted, each by the upper edge of the bucket that the runtime counted it in (its lower
// one where it is the last); nil where the runtime reports none.
func (s *Stops) Histogram() *Histogram {
	if s.edges == nil {
		return nil
	}
	return HistogramOfEdges(s.edges, s.counts)
}

// HistogramOfEdges counts the counts of buckets, edges in s around and between them, at their upper edges. An edge
// that is infinite gives way to the other one of its bucket.
func HistogramOfEdges(edges []float64, counts []uint64) *Histogram {
	h := new(Histogram)
	for i, count := range counts {
		if count == 0 {
			continue
		}
		edge := edges[i+1]
		if math.IsInf(edge, 1) {
			edge = edges[i]
		}
		h.Add(int64(math.Round(edge*1e9)), count)
	}
	return h
}

// CycleStops returns the stops of the collector's latest cycles, oldest first, each as if the stops of one cycle had
// been a single one that ended with the last of them: the runtime tells only their sum. It remembers 256 cycles. It
// tells the end by the wall clock, from which one reading of both clocks leads to the monotonic one; where the wall
// clock was set meanwhile the older ends are as wrong as it was.
func CycleStops() []Span {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	offset := Now() - time.Now().UnixNano()
	stops := make([]Span, len(stats.Pause))
	for i, pause := range stats.Pause { // the latest first
		end := stats.PauseEnd[i].UnixNano() + offset
		stops[len(stops)-1-i] = Span{end - pause.Nanoseconds(), end}
	}
	return stops
}
