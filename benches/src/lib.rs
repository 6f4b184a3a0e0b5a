//! Benchmarks of the oxwire workspace: what they share.
