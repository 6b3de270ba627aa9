/* The command line: `runner WORKLOAD key=value ...`, every key exactly once, in any order. Whatever is wrong ends the
 * program with 64 and the list of what is expected, so that a harness and a person get the same answer. */
#ifndef KIT_PARAMS_H
#define KIT_PARAMS_H

#include "kit/workload.h"

/* The run that the arguments ask for; does not return when they are wrong. */
struct run params_parse(int argc, char **argv);

#endif
