"""From records to samples: one number per invocation by one rule, one invocation per block, nothing from failures."""
