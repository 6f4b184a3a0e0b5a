//! Connections driven without sockets, and heads and bodies byte by byte.

#[cfg(test)]
mod common;
#[cfg(test)]
mod exchange;
