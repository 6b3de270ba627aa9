package tests

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"memverdict/langs/go/kit"
)

// checkpoints returns a run in mode memory and what takes its checkpoints out.
func checkpoints(t *testing.T) (*kit.Run, func() []kit.Checkpoint) {
	t.Helper()
	memory, err := kit.OpenProcessMemory("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	points := kit.NewCheckpoints(memory)
	return kit.NewRun(kit.Params{}, points), func() (taken []kit.Checkpoint) {
		points.Drain(func(point kit.Checkpoint) { taken = append(taken, point) })
		return taken
	}
}

func TestAftermathWhenModeIsAnotherThenItNeitherWaitsNorCollects(t *testing.T) {
	before, _ := kit.Collections()
	start := time.Now()
	kit.NewRun(kit.Params{}, nil).Aftermath(1, 330)
	if after, _ := kit.Collections(); after != before || time.Since(start) > 300*time.Second {
		t.Errorf("%d collections in %v", after-before, time.Since(start))
	}
}

func TestAftermathWhenIdleForASecondThenThatCheckpointComesFirst(t *testing.T) {
	run, drain := checkpoints(t)
	run.Checkpoint("after_release", 7)
	run.Aftermath(7, 14)
	var names []string
	taken := drain()
	for _, point := range taken {
		names = append(names, point.Name)
		if point.Live != 7 {
			t.Errorf("%s: live is %d", point.Name, point.Live)
		}
	}
	if !slices.Equal(names, []string{"after_release", "idle_1s", "after_collection", "after_trim"}) {
		t.Fatal(names)
	}
	if idle := taken[1].At - taken[0].At; idle < int64(time.Second) {
		t.Errorf("idle for %d ns", idle)
	}
}

func TestAftermathWhenNothingIsLiveThenTheTrimGivesPagesBack(t *testing.T) {
	run, drain := checkpoints(t)
	block := make([]byte, 64<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	run.Checkpoint("after_fill", uint64(len(block)))
	runtime.KeepAlive(block)
	run.Aftermath(0, 0)
	taken := drain()
	if filled, trimmed := taken[0].Resident, taken[len(taken)-1].Resident; trimmed > filled-48<<20 {
		t.Errorf("%d bytes after the trim, %d before", trimmed, filled)
	}
}
