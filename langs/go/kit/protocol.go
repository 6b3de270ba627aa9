package kit

import (
	"io"
	"strconv"
	"time"
)

// Stream writes the messages of the protocol, one JSON object a line. It is the only writer to stdout. A line is put
// together in a buffer made beforehand and handed over whole.
//
// Every text in it is printable ASCII (names of ours, the toolchain's version), for which Go's and JSON's quoting agree.
type Stream struct {
	out  io.Writer
	line []byte
	err  error
}

// NewStream returns a stream over out.
func NewStream(out io.Writer) *Stream { return &Stream{out: out, line: make([]byte, 0, 4096)} }

// Err is the first error of writing; nothing is written after it.
func (s *Stream) Err() error { return s.err }

// Start says what the worker is. limit is the memory limit in bytes, and left out where none is visible.
func (s *Stream) Start(version string, inForce []Setting, cpus int, limit uint64, limited bool, pid int, resolutionNS int64) {
	s.begin("start")
	s.int("format", 1)
	s.text("language", "go")
	s.text("toolchain", version)
	s.object("in_force")
	for _, setting := range inForce {
		if setting.Text != "" {
			s.text(setting.Name, setting.Text)
		} else {
			s.int(setting.Name, setting.Number)
		}
	}
	s.close()
	s.int("cpus", int64(cpus))
	if limited {
		s.uint("memory_limit", limit)
	}
	s.int("pid", int64(pid))
	s.int("cpu_resolution_ns", resolutionNS)
	s.end()
}

// Ready says that the worker waits for its release.
func (s *Stream) Ready() {
	s.begin("ready")
	s.end()
}

// Iteration is one timed repetition. Form is empty where the process has one form only; the runtime's counts are
// written where Counted is set.
type Iteration struct {
	Index     int
	Phase     string
	Form      string
	StartNS   int64
	ElapsedNS int64
	CPUNS     int64
	Result    Result
	Counted   bool
	Objects   uint64
	Bytes     uint64
}

// Iteration reports one iteration.
func (s *Stream) Iteration(it *Iteration) {
	s.begin("iteration")
	s.int("index", int64(it.Index))
	s.text("phase", it.Phase)
	if it.Form != "" {
		s.text("form", it.Form)
	}
	s.int("start_ns", it.StartNS)
	s.int("elapsed_ns", it.ElapsedNS)
	s.int("cpu_ns", it.CPUNS)
	s.uint("operations", it.Result.Operations)
	s.uint("allocations", it.Result.Allocations)
	s.uint("allocated_bytes", it.Result.AllocatedBytes)
	s.uint("peak_live_bytes", it.Result.PeakLiveBytes)
	if it.Counted {
		s.uint("runtime_allocations", it.Objects)
		s.uint("runtime_bytes", it.Bytes)
	}
	s.hex("checksum", uint64(it.Result.Checksum))
	s.end()
}

// Checkpoint reports the memory at a named moment.
func (s *Stream) Checkpoint(point Checkpoint) {
	s.begin("checkpoint")
	s.text("name", point.Name)
	s.int("at_ns", point.At)
	s.uint("live_bytes", point.Live)
	s.int("resident_bytes", point.Resident)
	s.int("peak_resident_bytes", point.PeakResident)
	s.int("pss_bytes", point.Proportional)
	s.end()
}

// Histogram reports durations in ns: the buckets that are not empty, by their index.
func (s *Stream) Histogram(name string, h *Histogram) {
	s.begin("histogram")
	s.text("name", name)
	s.int("lowest", histogramLowest)
	s.int("highest", histogramHighest)
	s.int("digits", histogramDigits)
	s.uint("count", h.Count)
	s.int("max", h.Max)
	s.key("counts")
	s.line = append(s.line, '[')
	for index, count := range h.Counts {
		if count == 0 {
			continue
		}
		if s.line[len(s.line)-1] != '[' {
			s.line = append(s.line, ',')
		}
		s.line = append(s.line, '[')
		s.line = strconv.AppendInt(s.line, int64(index), 10)
		s.line = append(s.line, ',')
		s.line = strconv.AppendUint(s.line, count, 10)
		s.line = append(s.line, ']')
	}
	s.line = append(s.line, ']')
	s.end()
}

// Ticker reports what the ticker did. period, and threshold from which on a gap is kept, are ns; dropped is the number
// of gaps that found no room.
func (s *Stream) Ticker(period, threshold int64, ticks Ticks, dropped int64) {
	s.begin("ticker")
	s.int("period_ns", period)
	s.int("threshold_ns", threshold)
	s.span(ticks.Span)
	s.int("ticks", ticks.Ticks)
	s.int("skipped", ticks.Skipped)
	s.int("dropped", dropped)
	s.int("cpu_ns", ticks.CPU)
	s.end()
}

// Stall is something that took long. Delay, where Delayed is set, is how many ns of it were a wait for a CPU.
type Stall struct {
	Kind string
	Span
	Delay   int64
	Delayed bool
}

// Stall reports something that took long.
func (s *Stream) Stall(stall Stall) {
	s.begin("stall")
	s.text("kind", stall.Kind)
	s.span(stall.Span)
	if stall.Delayed {
		s.int("run_delay_ns", stall.Delay)
	}
	s.end()
}

// GCPause reports a stop that the runtime itself tells of.
func (s *Stream) GCPause(kind string, stop Span) {
	s.begin("gc_pause")
	s.text("kind", kind)
	s.span(stop)
	s.end()
}

// End closes a complete stream. Sizes are bytes, cycles and gcCPUNS those of the whole process.
func (s *Stream) End(resident, peak int64, cycles uint64, gcCPUNS int64, counters []Counter) {
	s.begin("end")
	s.text("status", "ok")
	s.int("peak_resident_bytes", peak)
	s.int("resident_bytes", resident)
	s.uint("gc_cycles", cycles)
	s.int("gc_cpu_ns", gcCPUNS)
	s.object("counters")
	for _, counter := range counters {
		s.uint(counter.Name, counter.Value)
	}
	s.close()
	s.end()
}

func (s *Stream) begin(kind string) {
	s.line = append(s.line[:0], '{')
	s.text("type", kind)
}

func (s *Stream) end() {
	s.line = append(s.line, '}', '\n')
	if s.err == nil {
		_, s.err = s.out.Write(s.line)
	}
}

func (s *Stream) key(name string) {
	if s.line[len(s.line)-1] != '{' {
		s.line = append(s.line, ',')
	}
	s.line = strconv.AppendQuote(s.line, name)
	s.line = append(s.line, ':')
}

func (s *Stream) object(name string) {
	s.key(name)
	s.line = append(s.line, '{')
}

func (s *Stream) close() { s.line = append(s.line, '}') }

func (s *Stream) text(name, value string) {
	s.key(name)
	s.line = strconv.AppendQuote(s.line, value)
}

func (s *Stream) int(name string, value int64) {
	s.key(name)
	s.line = strconv.AppendInt(s.line, value, 10)
}

func (s *Stream) uint(name string, value uint64) {
	s.key(name)
	s.line = strconv.AppendUint(s.line, value, 10)
}

func (s *Stream) span(span Span) {
	s.int("start_ns", span.Start)
	s.int("end_ns", span.End)
}

func (s *Stream) hex(name string, value uint64) {
	s.key(name)
	s.line = append(s.line, '"')
	for shift := 60; shift >= 0; shift -= 4 {
		s.line = append(s.line, "0123456789abcdef"[value>>shift&15])
	}
	s.line = append(s.line, '"')
}

// AwaitRelease reads the byte that lets the iterations begin. Anything but a g is a UsageError: whoever started the
// worker is gone or does not speak the protocol.
func AwaitRelease(in io.Reader) error {
	var b [1]byte
	if _, err := io.ReadFull(in, b[:]); err != nil {
		return usagef("expected the byte g on stdin after ready: %v", err)
	}
	if b[0] != 'g' {
		return usagef("expected the byte g on stdin after ready, not %q", b[0])
	}
	return nil
}

// AwaitDismissal waits for a q or the end of in, and no longer than patience, so that whoever measures can still read
// what belongs to a living process.
func AwaitDismissal(in io.Reader, patience time.Duration) {
	dismissed := make(chan struct{})
	go func() {
		defer close(dismissed)
		for b := [1]byte{}; b[0] != 'q'; {
			if _, err := io.ReadFull(in, b[:]); err != nil {
				return
			}
		}
	}()
	select {
	case <-dismissed:
	case <-time.After(patience):
	}
}
