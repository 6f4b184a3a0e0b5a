//! The collapsed form, against bytes built by hand from the text of [MS-RPCH].

mod bad_input;
mod establishing;
mod flow;
mod harness;
mod recycling;
