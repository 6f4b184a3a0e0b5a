//! Header names in the specifications' own spelling.
//!
//! Outlook 2010, 2013 and 16.0.4266 want response header names spelled as the specifications spell them, and a mechanical
//! Title-Case turns `WWW-Authenticate` into `Www-Authenticate`: so, a table.

/// The names that the protocols use, spelled as their specifications spell them.
pub mod name {
    macro_rules! names {
        ($($constant:ident = $text:literal;)*) => {
            $(
                #[doc = concat!("`", $text, "`")]
                pub const $constant: &str = $text;
            )*
            /// All of them.
            pub(super) const TABLE: &[&str] = &[$($text),*];
        };
    }

    names! {
        ACCEPT = "Accept";
        ACCEPT_ENCODING = "Accept-Encoding";
        ACCEPT_LANGUAGE = "Accept-Language";
        AUTHORIZATION = "Authorization";
        CACHE_CONTROL = "Cache-Control";
        CLIENT_REQUEST_ID = "client-request-id";
        CONNECTION = "Connection";
        CONTENT_ENCODING = "Content-Encoding";
        CONTENT_LENGTH = "Content-Length";
        CONTENT_TYPE = "Content-Type";
        COOKIE = "Cookie";
        DATE = "Date";
        EXPECT = "Expect";
        HOST = "Host";
        KEEP_ALIVE = "Keep-Alive";
        LOCATION = "Location";
        PERSISTENT_AUTH = "Persistent-Auth";
        PRAGMA = "Pragma";
        PROXY_AUTHENTICATE = "Proxy-Authenticate";
        PROXY_AUTHORIZATION = "Proxy-Authorization";
        PROXY_CONNECTION = "Proxy-Connection";
        RETRY_AFTER = "Retry-After";
        SERVER = "Server";
        SET_COOKIE = "Set-Cookie";
        TRAILER = "Trailer";
        TRANSFER_ENCODING = "Transfer-Encoding";
        UPGRADE = "Upgrade";
        USER_AGENT = "User-Agent";
        VIA = "Via";
        WWW_AUTHENTICATE = "WWW-Authenticate";
        X_ANCHOR_MAILBOX = "X-AnchorMailbox";
        X_BE_SERVER = "X-BEServer";
        X_CALCULATED_BE_TARGET = "X-CalculatedBETarget";
        X_CLIENT_APPLICATION = "X-ClientApplication";
        X_CLIENT_CAN_HANDLE = "X-ClientCanHandle";
        X_CLIENT_INFO = "X-ClientInfo";
        X_DEVICE_INFO = "X-DeviceInfo";
        X_DIAG_INFO = "X-DiagInfo";
        X_ELAPSED_TIME = "X-ElapsedTime";
        X_EXPIRATION_INFO = "X-ExpirationInfo";
        X_FE_SERVER = "X-FEServer";
        X_MAPI_HTTP_CAPABILITY = "X-MapiHttpCapability";
        X_PENDING_PERIOD = "X-PendingPeriod";
        X_POWERED_BY = "X-Powered-By";
        X_REQUEST_ID = "X-RequestId";
        X_REQUEST_TYPE = "X-RequestType";
        X_RESPONSE_CODE = "X-ResponseCode";
        X_SERVER_APPLICATION = "X-ServerApplication";
        X_START_TIME = "X-StartTime";
        X_TUNNEL_EXPIRATION_TIME = "X-TunnelExpirationTime";
        X_USER_IDENTITY = "X-User-Identity";
    }
}

/// The specifications' spelling of a header name, or the name as given where they have none.
#[must_use]
pub fn canonical_name(given: &str) -> &str {
    name::TABLE.iter().find(|known| known.eq_ignore_ascii_case(given)).copied().unwrap_or(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_spelling() {
        assert_eq!(canonical_name("www-authenticate"), "WWW-Authenticate");
        assert_eq!(canonical_name("X-REQUESTID"), "X-RequestId");
        assert_eq!(canonical_name("X-Mine"), "X-Mine");
    }
}
