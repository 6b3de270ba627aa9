package kit;

/** What the instruments said about one iteration, in ns and bytes; one object serves them all. */
final class Timing {
    long start;
    long elapsed;
    long cpu;
    long bytes;
}
