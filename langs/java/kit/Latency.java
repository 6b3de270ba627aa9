package kit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Mode latency, section 6 of langs/PROTOCOL.md: runs the operations of each iteration, and after the last says what they
 * felt, what a ticker beside them felt, and what the virtual machine reports about itself.
 */
final class Latency {
    private final String operations;
    private final long rate;
    private final Recorder recorder = new Recorder();
    private final OpenLoop loop = new OpenLoop(recorder);
    private final Ticker ticker;
    private final GcLog log;

    /** Makes everything that measuring needs. */
    Latency(Operations<?> workload, Params params) {
        operations = workload.arrivals();
        rate = params.rate();
        ticker = params.tick() == 0 ? null : new Ticker(params.tick());
        log = GcLog.ofThisProcess(params.iterations());
    }

    /** The operations of one iteration, with the container's CPU time around them, then what follows after the last. */
    <S> void iterate(Operations<S> workload, S state, Params of, boolean warmup, Clock clock, Timing timing) {
        if (warmup) {
            long cpu = clock.cpu();
            loop.oneAfterTheOther(workload, state, of.get(operations), timing);
            timing.cpu = clock.cpu() - cpu;
            recorder.clear();
        } else {
            if (ticker != null) {
                ticker.start();
            }
            long cpu = clock.cpu();
            loop.onSchedule(workload, state, of.get(operations), rate, timing);
            timing.cpu = clock.cpu() - cpu;
            if (ticker != null) {
                ticker.stop();
            }
            log.measured(timing);
        }
        workload.conclude(state);
    }

    /** Writes everything, in the order of the protocol. */
    void send(Protocol out) throws IOException {
        recorder.send(out);
        List<Span> stalls = new ArrayList<>();
        if (ticker != null) {
            ticker.send(out);
            ticker.addTo(stalls);
        }
        recorder.addTo(stalls);
        send(stalls, out, "stall");
        send(log.pauses(), out, "gc_pause");
    }

    private static void send(List<Span> spans, Protocol out, String type) {
        Collections.sort(spans);
        for (Span span : spans) {
            span.send(out, type);
        }
    }
}
