package tests

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"memverdict/langs/go/kit"
)

const schedstat = "/proc/thread-self/schedstat"

func newTicker(t *testing.T, period time.Duration, gaps *kit.Gaps) *kit.Ticker {
	t.Helper()
	ticker, err := kit.NewTicker(period.Nanoseconds(), schedstat, gaps)
	if err != nil {
		t.Fatal(err)
	}
	return ticker
}

func TestTickerWhenItTicksThenEveryPeriodIsATickOrSkipped(t *testing.T) {
	const period = 500 * time.Microsecond
	ticker := newTicker(t, period, new(kit.Gaps))
	first := kit.Now()
	for round := range int64(3) {
		before := kit.Now()
		ticker.Begin()
		kit.SpinUntil(kit.Now() + 20_000_000)
		over := kit.Now()
		ticker.End()
		after := kit.Now()

		ticks := ticker.Ticks()
		late := ticks.End - ticks.Start - (ticks.Ticks+ticks.Skipped)*period.Nanoseconds()
		if late < 0 || late >= (round+1)*period.Nanoseconds() { // each last wake-up came before the next was due
			t.Errorf("round %d: %+v, which is %d ns late", round, ticks, late)
		}
		if round > 0 {
			continue
		}
		if ticks.Start < before || ticks.Start > over-20_000_000 || ticks.End < over || ticks.End > after {
			t.Errorf("%+v, and the program was there from %d to %d and %d", ticks, before, over, after)
		}
	}
	ticks := ticker.Ticks()
	if ticks.Start < first || ticks.CPU <= 0 || ticks.CPU > ticks.End-ticks.Start || ticks.Ticks+ticks.Skipped < 3*40 {
		t.Errorf("three rounds of 20 ms: %+v", ticks)
	}
}

func TestTickerWhenItIsOverAtOnceThenItHasWokenUpOnce(t *testing.T) {
	ticker := newTicker(t, 100*time.Microsecond, new(kit.Gaps))
	ticker.Begin()
	ticker.End()
	if got := ticker.Ticks(); got.Ticks < 1 {
		t.Errorf("%+v", got)
	}
}

// occupy holds the only processor of the runtime for so many ns: a loop over Now cannot be interrupted.
func occupy(ns int64) {
	for end := kit.Now() + ns; kit.Now() < end; {
	}
}

func TestTickerWhenNoGoroutineGetsAProcessorThenItFeelsThatToo(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const period, held = 100 * time.Microsecond, 5_000_000
	gaps := new(kit.Gaps)
	ticker := newTicker(t, period, gaps)
	ticker.Begin()
	occupy(held)
	ticker.End()
	ticks, end, longest := ticker.Ticks(), int64(0), int64(0)
	for _, gap := range gaps.All() {
		length := gap.End - gap.Start
		if gap.Start < max(end, ticks.Start) || gap.End > ticks.End || length < ticker.Threshold() || gap.Delay < 0 {
			t.Errorf("%+v after %d", gap, end)
		}
		end, longest = gap.End, max(longest, length)
	}
	if longest < held/2 || ticks.Skipped < held/2/period.Nanoseconds()-1 {
		t.Errorf("longest gap is %d: %+v", longest, ticks)
	}
}

func TestTickerWhenItTicksThenNothingIsAllocated(t *testing.T) {
	ticker := newTicker(t, 100*time.Microsecond, new(kit.Gaps))
	if n := testing.AllocsPerRun(10, func() {
		ticker.Begin()
		kit.SpinUntil(kit.Now() + 3_000_000)
		ticker.End()
	}); n != 0 {
		t.Errorf("%v allocations in some 30 ticks", n)
	}
}

func TestTickerWhenItsWaitForACPUCannotBeReadThenItIsUnsupported(t *testing.T) {
	for name, text := range map[string]string{"no file": "", "one field": "123\n", "no number": "12 x 3\n"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "schedstat")
			if text != "" {
				write(t, file, text)
			}
			_, err := kit.NewTicker(1_000_000, file, new(kit.Gaps))
			var unsupported *kit.UnsupportedError
			if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), file) {
				t.Errorf("error is %T %v", err, err)
			}
		})
	}
}

func TestTickerWhenItWaitedForACPUThenTheGapSaysHowLong(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const period, waited, rounds = 20_000_000, 4000, 20
	file, err := os.Create(filepath.Join(t.TempDir(), "schedstat"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	put := func(delay int) {
		if _, err := file.WriteAt(fmt.Appendf(nil, "1 %06d 3\n", delay), 0); err != nil {
			t.Fatal(err)
		}
	}
	put(0)
	gaps := new(kit.Gaps)
	ticker, err := kit.NewTicker(period, file.Name(), gaps)
	if err != nil {
		t.Fatal(err)
	}
	// One gap from before the number rises until after it has: on a busy machine a round may come too late for that.
	for round := range rounds {
		ticker.Begin()
		put((round + 1) * waited)
		occupy(2*period + period/4)
		ticker.End()
		if slices.ContainsFunc(gaps.All(), func(gap kit.Gap) bool { return gap.Delay == waited }) {
			return
		}
	}
	t.Errorf("gaps are %+v", gaps.All())
}

// stopped runs the runner on line, stops its process for so long while it measures, and returns the messages and when
// it certainly stood still.
func stopped(t *testing.T, line string, pause time.Duration) ([]message, kit.Span) {
	t.Helper()
	var still kit.Span
	messages := callWith(t, line, func(cmd *exec.Cmd) {
		time.Sleep(500 * time.Millisecond) // into the iteration
		if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
			t.Fatalf("did not stop: %v, %v", status, err)
		}
		still.Start = kit.Now()
		time.Sleep(pause)
		still.End = kit.Now()
		if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	})
	return messages, still
}

func TestRunnerWhenItsProcessIsStoppedThenTickerAndArrivalsFeelIt(t *testing.T) {
	const every = 20 * time.Millisecond
	line := strings.Replace(canary, "arrivals=100", "arrivals=150", 1) +
		" variant=stall mode=latency warmup=0 iterations=1 rate=50 tick_us=1000"
	messages, still := stopped(t, line, 100*time.Millisecond)
	it := only(messages, "iteration")[0]
	if it.StartNS > still.Start || it.StartNS+it.ElapsedNS < still.End {
		t.Fatalf("stood still from %d to %d, outside of %+v", still.Start, still.End, it)
	}
	if !slices.ContainsFunc(only(messages, "stall"), func(m message) bool {
		return m.Kind == "ticker" && m.StartNS <= still.Start && m.EndNS >= still.End
	}) {
		t.Errorf("no gap from %d to %d", still.Start, still.End)
	}
	if felt := only(messages, "histogram")[0].Max; felt < still.End-still.Start-every.Nanoseconds() {
		t.Errorf("longest response is %d ns, stood still for %d", felt, still.End-still.Start)
	}
}
