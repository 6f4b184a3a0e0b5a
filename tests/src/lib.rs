//! Integration tests of the oxwire workspace: what they share.
