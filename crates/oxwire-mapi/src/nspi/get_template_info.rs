//! The GetTemplateInfo request type, [MS-OXCMAPIHTTP] 2.2.5.9: gets a template of the address book.

use super::body::{request, response};
use super::{DisplayType, Failure, TemplateFlags, ValueList};

request! {
    /// The GetTemplateInfo request type request body, [MS-OXCMAPIHTTP] 2.2.5.9.1. NspiGetTemplateInfo, [MS-OXNSPI] 3.1.4.1.18.
    GetTemplateInfoRequest, "GetTemplateInfo request body", "[MS-OXCMAPIHTTP] 2.2.5.9.1";
    /// What of it.
    flags: TemplateFlags = "Flags";
    /// DisplayType: of the template.
    display_type: DisplayType = "DisplayType";
    /// TemplateDn: its DN.
    template_dn: Option<&'de [u8]> = "HasTemplateDn";
    /// CodePage: of the template.
    code_page: u32 = "CodePage";
    /// LocaleId: its LCID.
    locale_id: u32 = "LocaleId";
}

response! {
    /// The GetTemplateInfo request type success response body, [MS-OXCMAPIHTTP] 2.2.5.9.2.
    GetTemplateInfoSuccess, "GetTemplateInfo success response body", "[MS-OXCMAPIHTTP] 2.2.5.9.2";
    GetTemplateInfoResponse, "GetTemplateInfo response body", "[MS-OXCMAPIHTTP] 2.2.5.9", Failure;
    /// CodePage: of string values.
    code_page: u32 = "CodePage";
    /// Row: what was asked for.
    row: Option<ValueList<'de>> = "HasRow";
}
