//! Bounds on what a decoder accepts from a peer.

/// What a decoder may accept. A count or a length from the wire is held against what is left of the input first and
/// against these second; nothing is allocated from a number alone.
///
/// ```
/// let limits = oxwire_core::Limits::DEFAULT.with_items(10_000).with_depth(16);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Elements of any one array, rows of any one table. Default 65,536.
    pub items: usize,
    /// Bytes of any one string or binary value. Default 16 MiB.
    pub value_bytes: usize,
    /// Bytes of any one structure that is buffered whole (a request body, a reassembled PDU). Default 16 MiB.
    pub body_bytes: usize,
    /// Nesting of structures that contain themselves (restrictions, multi-part bodies). Default 32.
    pub depth: u16,
}

impl Limits {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self { items: 65_536, value_bytes: 16 << 20, body_bytes: 16 << 20, depth: 32 };

    /// Sets [`Limits::items`].
    #[must_use]
    pub const fn with_items(mut self, items: usize) -> Self {
        self.items = items;
        self
    }

    /// Sets [`Limits::value_bytes`].
    #[must_use]
    pub const fn with_value_bytes(mut self, bytes: usize) -> Self {
        self.value_bytes = bytes;
        self
    }

    /// Sets [`Limits::body_bytes`].
    #[must_use]
    pub const fn with_body_bytes(mut self, bytes: usize) -> Self {
        self.body_bytes = bytes;
        self
    }

    /// Sets [`Limits::depth`].
    #[must_use]
    pub const fn with_depth(mut self, depth: u16) -> Self {
        self.depth = depth;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
