//! Who may log on, under which names, and to which mailbox.

use oxwire::core::{FileTime, Guid, Principal, SecretString};

use crate::mailbox::Mailbox;

/// In front of a local part it is a user's legacy DN.
const DN_PREFIX: &str = "/o=oxwire/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=";

/// In front of a mailbox's id it is the DN of the server that has it.
const SERVER_DN_PREFIX: &str =
    "/o=oxwire/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Configuration/cn=Servers/cn=";

/// The legacy DN of the user with that address.
pub(crate) fn user_dn(address: &str) -> String {
    let local = address.split('@').next().unwrap_or_default();
    format!("{DN_PREFIX}{local}")
}

/// A user and the mailbox that is theirs.
#[derive(Debug)]
pub(crate) struct User {
    /// `local-part@domain`, as given.
    pub(crate) address: String,
    /// The legacy DN.
    pub(crate) dn: String,
    /// The name that server machines know the user by.
    pub(crate) principal: Principal,
    /// What the user proves.
    pub(crate) password: SecretString,
    /// The mailbox.
    pub(crate) mailbox: Mailbox,
}

impl User {
    /// The name that is shown: the local part of the address.
    pub(crate) fn display_name(&self) -> &str {
        self.address.split('@').next().unwrap_or_default()
    }

    /// What names the mailbox in URLs and server names: its GUID at the domain of the address.
    pub(crate) fn mailbox_id(&self) -> String {
        let domain = self.address.split_once('@').map_or("", |(_, domain)| domain);
        format!("{}@{domain}", self.mailbox.guid)
    }

    /// The DN of the server that has the mailbox, one for each mailbox as Exchange 2013 and later have it.
    pub(crate) fn server_dn(&self) -> String {
        format!("{SERVER_DN_PREFIX}{}", self.mailbox_id())
    }
}

/// All users.
#[derive(Debug, Default)]
pub(crate) struct Users(Vec<User>);

impl Users {
    /// Adds a user with a new mailbox.
    pub(crate) fn add(&mut self, address: &str, password: SecretString, guids: [Guid; 2], wall: FileTime) {
        let [mailbox, replica] = guids;
        self.0.push(User {
            address: address.to_owned(),
            dn: user_dn(address),
            principal: Principal::new(address.to_ascii_lowercase()),
            password,
            mailbox: Mailbox::seeded(mailbox, replica, wall),
        });
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The user behind a name that authenticates: `user@domain`, `DOMAIN\user` or bare `user`, in any letter case. A name that
    /// fits two users fits none. `domain` is what the mechanism sends beside the name; empty for none.
    pub(crate) fn find(&self, domain: &str, name: &str) -> Option<&User> {
        let (domain, name) = match name.split_once('\\') {
            Some((domain, name)) => (domain, name),
            None => (domain, name),
        };
        let whole = |user: &&User| user.address.eq_ignore_ascii_case(name);
        if let Some(user) = self.0.iter().find(whole) {
            return Some(user);
        }
        let fits = |user: &&User| {
            user.address.split_once('@').is_some_and(|(local, at)| {
                let label = at.split('.').next().unwrap_or_default();
                local.eq_ignore_ascii_case(name)
                    && (domain.is_empty() || domain.eq_ignore_ascii_case(at) || domain.eq_ignore_ascii_case(label))
            })
        };
        let mut fitting = self.0.iter().filter(fits);
        fitting.next().filter(|_| fitting.next().is_none())
    }

    /// The user with that Kerberos principal, `alice@REALM`: the realm is the domain of the addresses, or its first label.
    pub(crate) fn of_ticket(&self, name: &str) -> Option<&User> {
        let (user, realm) = name.split_once('@').unwrap_or((name, ""));
        self.find(realm, user)
    }

    /// The user with that address, in any letter case.
    pub(crate) fn of_address(&self, address: &str) -> Option<&User> {
        self.0.iter().find(|user| user.address.eq_ignore_ascii_case(address))
    }

    /// Whether somebody has an address in that domain, in any letter case.
    pub(crate) fn serve_domain(&self, domain: &str) -> bool {
        let is = |user: &User| user.address.split_once('@').is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain));
        self.0.iter().any(is)
    }

    /// The user with that legacy DN, in any letter case.
    pub(crate) fn of_dn(&self, dn: &str) -> Option<&User> {
        self.0.iter().find(|user| user.dn.eq_ignore_ascii_case(dn))
    }

    /// The user that an authenticated principal is.
    pub(crate) fn of(&self, principal: &Principal) -> Option<&User> {
        self.0.iter().find(|user| user.principal == *principal)
    }

    /// The same, to change the mailbox.
    pub(crate) fn of_mut(&mut self, principal: &Principal) -> Option<&mut User> {
        self.0.iter_mut().find(|user| user.principal == *principal)
    }

    /// Everyone.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &User> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        let mut users = Users::default();
        for address in ["ada@oxwire.test", "bert@oxwire.test", "bert@other.test"] {
            let guid = Guid::from_wire([7; 16]);
            users.add(address, SecretString::from("x"), [guid, guid], FileTime::from_intervals(0));
        }
        users
    }

    #[test]
    fn a_name_in_each_of_its_forms_is_one_user() {
        let users = users();
        for (domain, name) in [
            ("", "ada@oxwire.test"),
            ("", "ADA@OXWIRE.TEST"),
            ("", "ada"),
            ("OXWIRE", "ada"),
            ("oxwire.test", "Ada"),
            ("", "OXWIRE\\ada"),
            ("ignored", "ada@oxwire.test"),
        ] {
            assert_eq!(
                users.find(domain, name).map(|user| user.principal.name()),
                Some("ada@oxwire.test"),
                "{domain} {name}"
            );
        }
        assert_eq!(users.find("other", "bert").map(|user| user.address.as_str()), Some("bert@other.test"));
    }

    #[test]
    fn what_fits_nobody_or_two_is_nobody() {
        let users = users();
        for (domain, name) in [("", "bert"), ("OTHER", "ada"), ("", "ada@other.test"), ("", ""), ("", "eve")] {
            assert!(users.find(domain, name).is_none(), "{domain} {name}");
        }
    }

    #[test]
    fn the_dn_is_that_of_the_issue() {
        assert_eq!(
            user_dn("ada@oxwire.test"),
            "/o=oxwire/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=ada"
        );
    }
}
