//! Connections driven without sockets, and heads and bodies byte by byte.

#[cfg(test)]
mod chunking;
#[cfg(test)]
mod common;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod quirks;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod waiting;
