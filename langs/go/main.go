// Runner is the Go side of langs/PROTOCOL.md: it runs one workload as its command line says and reports each iteration
// on stdout. It measures and reports; what the numbers mean is the harness's affair.
//
// Running out of memory or threads makes the Go runtime throw, which no program can intercept: such a run ends with
// exit code 2 and the runtime's own words on stderr, or with the kernel's kill, never with 66 or 71.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"memverdict/langs/go/kit"
	_ "memverdict/langs/go/workloads" // each file registers itself
)

const (
	exitComplete    = 0
	exitCrash       = 1
	exitUsage       = 64
	exitDisagree    = 65
	exitUnsupported = 69
)

// errDisagree is two iterations of one process that did not do the same.
var errDisagree = errors.New("iterations of one process disagree")

func main() {
	err := run(os.Args[1:], os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "runner:", err)
	}
	os.Exit(exitCode(err))
}

func exitCode(err error) int {
	var usage *kit.UsageError
	var unsupported *kit.UnsupportedError
	switch {
	case err == nil:
		return exitComplete
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &unsupported):
		return exitUnsupported
	case errors.Is(err, errDisagree):
		return exitDisagree
	}
	return exitCrash
}

// run does the whole job: parse, report, wait for the release, iterate, report, wait for the dismissal.
func run(args []string, in io.Reader, out io.Writer) error {
	w, err := newWorker(args, out)
	if err != nil {
		return err
	}
	w.stream.Ready()
	if err := kit.AwaitRelease(in); err != nil {
		return err
	}
	counters, err := w.all()
	if err != nil {
		return err
	}
	resident, peak := w.memory.Resident()
	cycles, cpuNS := kit.Collections()
	if w.loop != nil { // after those readings, because it allocates
		w.loop.Report(w.stream)
	}
	w.stream.End(resident, peak, cycles, cpuNS, counters)
	if err := w.stream.Err(); err != nil {
		return err
	}
	kit.AwaitDismissal(in, 10*time.Second)
	return nil
}

// worker is everything an iteration needs, made before the first.
type worker struct {
	run         *kit.Run
	variants    []kit.Variant // more than one where the process serves forms
	stream      *kit.Stream
	cpu         *kit.CPUClock
	memory      *kit.ProcessMemory
	heap        kit.HeapCounter
	checkpoints *kit.Checkpoints // nil outside mode memory
	loop        *kit.OpenLoop    // nil outside mode latency
	iteration   kit.Iteration
	peakReset   bool
}

func newWorker(args []string, out io.Writer) (*worker, error) {
	if len(args) == 0 {
		return nil, kit.Usage()
	}
	workload, err := kit.Lookup(args[0])
	if err != nil {
		return nil, err
	}
	params, err := kit.ParseParams(workload, args[1:])
	if err != nil {
		return nil, err
	}
	memory, err := kit.OpenProcessMemory("/proc/self")
	if err != nil {
		return nil, err
	}
	cgroup := kit.ReadCgroup()
	w := &worker{
		variants: []kit.Variant{params.Variant},
		stream:   kit.NewStream(out),
		cpu:      kit.NewCPUClock(cgroup),
		memory:   memory,
	}
	if params.Variant.Forms {
		w.variants = workload.Forms()
	}
	if params.Mode == kit.Memory {
		w.checkpoints = kit.NewCheckpoints(memory)
	}
	if params.Mode == kit.Latency {
		if w.loop, err = kit.NewOpenLoop(params); err != nil {
			return nil, err
		}
	}
	w.run = kit.NewRun(params, w.checkpoints)
	limit, limited := cgroup.MemoryLimit()
	w.stream.Start(runtime.Version(), kit.InForce(), runtime.NumCPU(), limit, limited, os.Getpid(), w.cpu.ResolutionNS())
	return w, nil
}

// all runs the iterations of every variant and returns the counters of the last one.
func (w *worker) all() ([]kit.Counter, error) {
	var counters []kit.Counter
	for _, variant := range w.variants {
		result, err := w.repeat(variant)
		if err != nil {
			return nil, err
		}
		counters = result.Counters
	}
	return counters, nil
}

// repeat runs one variant's iterations and returns what each of them did, which is the same.
func (w *worker) repeat(variant kit.Variant) (first kit.Result, err error) {
	it := &w.iteration
	it.Form = ""
	if w.run.Variant.Forms {
		it.Form = variant.ID
	}
	for n := range w.run.Warmup + w.run.Iterations {
		it.Phase = "warmup"
		if n >= w.run.Warmup {
			it.Phase = "measured"
			if !w.peakReset {
				kit.ResetPeak()
				w.peakReset = true
			}
		}
		if w.loop != nil {
			w.scheduled(variant, n >= w.run.Warmup)
		} else {
			w.once(variant)
		}
		w.stream.Iteration(it)
		w.checkpoints.Drain(w.stream.Checkpoint)
		if err := w.stream.Err(); err != nil {
			return kit.Result{}, err
		}
		if n == 0 {
			first = it.Result
		} else if !it.Result.Equal(first) {
			return kit.Result{}, fmt.Errorf("%w: %s did %+v at first and %+v at index %d", errDisagree, variant.ID, first, it.Result, it.Index)
		}
		it.Index++
	}
	return first, nil
}

// once runs one iteration. The order is the protocol's: nothing stands between the wall clock's readings but the
// workload, and the CPU clock and the runtime's counters are read outside them.
func (w *worker) once(variant kit.Variant) {
	it := &w.iteration
	state := variant.Setup(w.run)
	var objects, bytes uint64
	it.Counted = w.run.Mode == kit.Exact
	if it.Counted {
		kit.CalmCollector(&w.heap)
		objects, bytes = w.heap.Read()
	}
	cpu := w.cpu.Read()
	it.StartNS = kit.Now()
	state.Iterate()
	it.ElapsedNS = kit.Now() - it.StartNS
	it.CPUNS = w.cpu.Read() - cpu
	if it.Counted {
		it.Objects, it.Bytes = w.heap.Read()
		it.Objects -= objects
		it.Bytes -= bytes
	}
	it.Result = state.Teardown()
}

// scheduled runs one iteration of mode latency: its operations, one by one, stand where once has the whole of iterate.
func (w *worker) scheduled(variant kit.Variant, measured bool) {
	it := &w.iteration
	state := variant.Setup(w.run).(kit.Operator)
	operate := w.loop.WarmUp
	if measured {
		operate = w.loop.Measure
		w.loop.Begin()
	}
	cpu := w.cpu.Read()
	span := operate(state)
	it.CPUNS = w.cpu.Read() - cpu
	if measured {
		w.loop.End(span)
	}
	it.StartNS, it.ElapsedNS = span.Start, span.End-span.Start
	if concluder, ok := state.(kit.Concluder); ok {
		concluder.Conclude()
	}
	it.Result = state.Teardown()
}
