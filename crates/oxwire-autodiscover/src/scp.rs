//! Service connection points: where a directory says that Autodiscover is, [MS-OXDISCO] 2.1.
//!
//! The caller searches its directory: [`FILTER`] below the `configurationNamingContext` of the root DSE, over the whole subtree,
//! for [`ATTRIBUTES`]. What came is put in order by [`Answer::of`].

/// The LDAP filter of the search.
pub const FILTER: &str = "(&(objectClass=serviceConnectionPoint)(|(keywords=67661D7F-8FC4-4fa7-BFAC-E1D7794C1F68)\
    (keywords=77378F46-2C66-4aa9-A6A6-3E7A48B19596)))";

/// The attributes that are asked for.
pub const ATTRIBUTES: [&str; 2] = ["keywords", "serviceBindingInformation"];

/// The keyword of a pointer to another directory.
pub const POINTER: &str = "67661D7F-8FC4-4fa7-BFAC-E1D7794C1F68";

/// The keyword of the URL of a service.
pub const URL: &str = "77378F46-2C66-4aa9-A6A6-3E7A48B19596";

/// One object that the search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionPoint<'s> {
    /// The values of `keywords`.
    pub keywords: &'s [&'s str],
    /// The values of `serviceBindingInformation`.
    pub binding: &'s [&'s str],
}

impl<'s> ConnectionPoint<'s> {
    fn is(&self, kind: &str) -> bool {
        self.keywords.iter().any(|keyword| keyword.eq_ignore_ascii_case(kind))
    }

    /// The values of the keywords `<name>=…`.
    fn values(&self, name: &'static str) -> impl Iterator<Item = &'s str> {
        self.keywords.iter().filter_map(move |keyword| {
            let (found, value) = keyword.split_once('=')?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// What the objects come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'s> {
    /// Search again in this directory, and forget the rest: it is the one for the user's domain. The caller bounds how
    /// often it follows such a pointer.
    Elsewhere(&'s str),
    /// The URLs to try.
    Urls {
        /// In order: the client's site, then no site, then other sites; within each as they came. Each URL once.
        urls: Vec<&'s str>,
        /// A directory to search where none of the URLs answers.
        fallback: Option<&'s str>,
    },
}

impl<'s> Answer<'s> {
    /// Orders what the search found, for a user of `domain` at a client in `site`; names are compared in any letter case.
    #[must_use]
    pub fn of(points: &[ConnectionPoint<'s>], domain: &str, site: Option<&str>) -> Self {
        let mut fallback = None;
        for point in points.iter().filter(|point| point.is(POINTER)) {
            let Some(directory) = point.binding.iter().copied().find(|binding| !binding.is_empty()) else { continue };
            if point.values("Domain").any(|scope| scope.eq_ignore_ascii_case(domain)) {
                return Self::Elsewhere(directory);
            }
            if point.values("Domain").next().is_none() {
                fallback = fallback.or(Some(directory));
            }
        }
        let mut ranked: Vec<(u8, &'s str)> = Vec::new();
        for point in points.iter().filter(|point| point.is(URL)) {
            let here = site.is_some_and(|site| point.values("Site").any(|found| found.eq_ignore_ascii_case(site)));
            let rank = match (here, point.values("Site").next()) {
                (true, _) => 1,
                (false, None) => 2,
                (false, Some(_)) => 3,
            };
            ranked.extend(point.binding.iter().filter(|url| is_url(url)).map(|url| (rank, *url)));
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        let mut urls: Vec<&'s str> = Vec::with_capacity(ranked.len());
        for (_, url) in ranked {
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        Self::Urls { urls, fallback }
    }
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")) && !rest.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "https://a.example.com/autodiscover/autodiscover.xml";
    const B: &str = "https://b.example.com/autodiscover/autodiscover.xml";
    const C: &str = "https://c.example.com/autodiscover/autodiscover.xml";

    /// The priorities of the published procedure: 1 for the client's site, 2 for none, 3 for another.
    #[test]
    fn order_of_sites() {
        let points = [
            ConnectionPoint { keywords: &[URL, "Site=Paris"], binding: &[A] },
            ConnectionPoint { keywords: &[URL], binding: &[B, "ldap://x", ""] },
            ConnectionPoint {
                keywords: &["Site=Oslo", "77378f46-2c66-4aa9-a6a6-3e7a48b19596", "site=rome"],
                binding: &[C, B],
            },
            ConnectionPoint { keywords: &["other"], binding: &["https://other"] },
        ];
        let urls = |site| match Answer::of(&points, "example.com", site) {
            Answer::Urls { urls, fallback: None } => urls,
            answer => panic!("{answer:?}"),
        };
        assert_eq!(urls(Some("ROME")), [C, B, A]);
        assert_eq!(urls(Some("Paris")), [A, B, C]);
        assert_eq!(urls(None), [B, A, C]);
        assert_eq!(Answer::of(&[], "x", None), Answer::Urls { urls: Vec::new(), fallback: None });
    }

    /// A pointer for the user's domain goes before everything; one for no domain is kept; one for another is not taken.
    #[test]
    fn pointers() {
        let scoped =
            ConnectionPoint { keywords: &[POINTER, "Domain=Example.com"], binding: &["ldap://dc.example.com"] };
        let other = ConnectionPoint { keywords: &[POINTER, "domain=b.example"], binding: &["ldap://dc.b.example"] };
        let any = ConnectionPoint { keywords: &[POINTER], binding: &["ldap://dc.any.example"] };
        let empty = ConnectionPoint { keywords: &[POINTER], binding: &[] };
        let url = ConnectionPoint { keywords: &[URL], binding: &[A] };
        let points = [url, empty, any, other, scoped];
        assert_eq!(Answer::of(&points, "example.com", None), Answer::Elsewhere("ldap://dc.example.com"));
        let fallback = Some("ldap://dc.any.example");
        assert_eq!(Answer::of(&points, "c.example", None), Answer::Urls { urls: vec![A], fallback });
    }

    #[test]
    fn filter_names_both_kinds() {
        assert!(FILTER.contains(POINTER) && FILTER.contains(URL));
    }
}
