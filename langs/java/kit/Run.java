package kit;

/**
 * What a workload gets to set up one iteration: the parameters, where to have memory read at a named moment, and how to
 * run work on threads of its own.
 */
public record Run(Params params, Checkpoints checkpoints, Threads threads) {}
