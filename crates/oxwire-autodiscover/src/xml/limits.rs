//! What a document may ask of its reader.

/// Bounds on a document from a peer. Nothing is allocated from a number in it, and nothing grows beyond these.
///
/// ```
/// let limits = oxwire_autodiscover::xml::XmlLimits::DEFAULT.with_bytes(64 << 10).with_depth(16);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct XmlLimits {
    /// Bytes of the whole document, as it came and as UTF-8. Default 1 MiB.
    pub bytes: usize,
    /// Elements open at once. Default 32.
    pub depth: usize,
    /// Elements in all. Default 16,384.
    pub elements: usize,
    /// Attributes of one element. Default 32.
    pub attributes: usize,
    /// References (`&amp;`, `&#10;`) in all. Default 16,384.
    pub references: usize,
    /// Bytes of the text of one element, or of one attribute. Default 64 KiB.
    pub text: usize,
}

impl XmlLimits {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self =
        Self { bytes: 1 << 20, depth: 32, elements: 16_384, attributes: 32, references: 16_384, text: 64 << 10 };

    /// Sets [`XmlLimits::bytes`].
    #[must_use]
    pub const fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets [`XmlLimits::depth`].
    #[must_use]
    pub const fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// Sets [`XmlLimits::elements`].
    #[must_use]
    pub const fn with_elements(mut self, elements: usize) -> Self {
        self.elements = elements;
        self
    }

    /// Sets [`XmlLimits::attributes`].
    #[must_use]
    pub const fn with_attributes(mut self, attributes: usize) -> Self {
        self.attributes = attributes;
        self
    }

    /// Sets [`XmlLimits::references`].
    #[must_use]
    pub const fn with_references(mut self, references: usize) -> Self {
        self.references = references;
        self
    }

    /// Sets [`XmlLimits::text`].
    #[must_use]
    pub const fn with_text(mut self, text: usize) -> Self {
        self.text = text;
        self
    }
}

impl Default for XmlLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
