//! Values that borrow from a document until somebody asks for their own.

use std::borrow::Cow;

/// Text of a document: a slice of it where nothing in it was escaped.
pub type Text<'x> = Cow<'x, str>;

/// What can let go of the document that it was read from.
pub(crate) trait IntoOwned {
    /// The same without the borrow.
    type Owned;

    /// Copies what is still borrowed.
    fn owned(self) -> Self::Owned;
}

impl IntoOwned for Text<'_> {
    type Owned = Text<'static>;

    fn owned(self) -> Text<'static> {
        Cow::Owned(self.into_owned())
    }
}

impl<T: IntoOwned> IntoOwned for Option<T> {
    type Owned = Option<T::Owned>;

    fn owned(self) -> Self::Owned {
        self.map(IntoOwned::owned)
    }
}

impl<T: IntoOwned> IntoOwned for Vec<T> {
    type Owned = Vec<T::Owned>;

    fn owned(self) -> Self::Owned {
        self.into_iter().map(IntoOwned::owned).collect()
    }
}

impl<T: IntoOwned> IntoOwned for Box<T> {
    type Owned = Box<T::Owned>;

    fn owned(self) -> Self::Owned {
        Box::new((*self).owned())
    }
}

/// `IntoOwned`, and the public method of that meaning, for a struct with these fields; others are copied.
macro_rules! into_owned {
    ($name:ident { $($field:ident),* $(,)? } $(copy { $($copied:ident),* })?) => {
        impl crate::text::IntoOwned for $name<'_> {
            type Owned = $name<'static>;

            fn owned(self) -> $name<'static> {
                $name { $($field: crate::text::IntoOwned::owned(self.$field),)* $($($copied: self.$copied,)*)? }
            }
        }

        impl $name<'_> {
            /// The same, independent of the document that it was read from.
            #[must_use]
            pub fn into_owned(self) -> $name<'static> {
                crate::text::IntoOwned::owned(self)
            }
        }
    };
}
pub(crate) use into_owned;
