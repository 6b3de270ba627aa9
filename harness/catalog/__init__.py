"""What can be measured: benchmarks/ and langs/ as frozen values."""
