//! How ROPs and auxiliary blocks are stored behind their RPC_HEADER_EXT, and what that saved.

use bytes::{Bytes, BytesMut};
use oxwire::core::{EncodeError, Guid, Utf16};
use oxwire::mapi::aux_buffer::{AuxBlock, AuxClientConnectionInfo, ConnectionFlags, auxiliary_buffer};
use oxwire::mapi::mapihttp::{ExecuteFlags, ExecuteRequestBuilder};
use oxwire::mapi::rpc_header_ext::{ExtendedBuffers, Packer, PayloadForm, RpcHeaderExt};

use super::operations::unencodable;
use crate::report::{Facts, Failure};

/// The form, and what was counted since it was last told.
pub(crate) struct Packing {
    form: PayloadForm,
    packer: Packer,
    sent: Tally,
    received: Tally,
}

/// Bytes of payloads.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    /// As they are.
    actual: usize,
    /// As they were stored.
    stored: usize,
}

impl Tally {
    fn add(&mut self, header: RpcHeaderExt) {
        self.actual = self.actual.saturating_add(header.size_actual.into());
        self.stored = self.stored.saturating_add(header.size.into());
    }

    /// Those of a buffer. One that is damaged is somebody else's to find.
    fn add_all(&mut self, buffer: &[u8]) {
        ExtendedBuffers::new(buffer).map_while(Result::ok).for_each(|one| self.add(one.header()));
    }
}

impl Packing {
    /// Plain, or compressed and obfuscated.
    pub(crate) fn new(compress: bool) -> Self {
        let form = if compress { PayloadForm::CompressedXorMagic } else { PayloadForm::Plain };
        Self { form, packer: Packer::new(), sent: Tally::default(), received: Tally::default() }
    }

    /// What the server may do to its answers.
    pub(crate) const fn flags(&self) -> ExecuteFlags {
        match self.form {
            PayloadForm::Plain => ExecuteFlags::NO_COMPRESSION.with(ExecuteFlags::NO_XOR_MAGIC),
            _ => ExecuteFlags::NONE,
        }
    }

    /// The body of an Execute.
    ///
    /// # Errors
    /// It grows past what one Execute carries.
    pub(crate) fn execute_body(&mut self, rops: &Bytes) -> Result<Bytes, Failure> {
        let builder =
            ExecuteRequestBuilder { flags: self.flags(), form: self.form, ..ExecuteRequestBuilder::default() };
        let mut out = BytesMut::with_capacity(builder.len_with(rops.len()));
        let written = builder.write_with(&mut self.packer, &mut out, |w| {
            w.bytes(rops);
            Ok(())
        });
        written.map_err(|error| unencodable(&error))?;
        // Behind Flags and RopBufferSize; MaxRopOut and AuxiliaryBufferSize are behind it.
        self.sent.add_all(out.get(8..out.len().saturating_sub(8)).unwrap_or_default());
        Ok(out.freeze())
    }

    /// rgbIn of an EcDoRpcExt2.
    ///
    /// # Errors
    /// It grows past what one call carries.
    pub(crate) fn rop_in(&mut self, rops: &Bytes) -> Result<BytesMut, Failure> {
        let mut out = BytesMut::with_capacity(rops.len().saturating_add(RpcHeaderExt::LEN));
        let written = self.packer.write(&mut out, self.form, |w| {
            w.bytes(rops);
            Ok(())
        });
        written.map_err(|error| unencodable(&error))?;
        self.sent.add_all(&out);
        Ok(out)
    }

    /// The client's auxiliary buffer of a Connect: none, unless it is to be seen that one gets through.
    ///
    /// # Errors
    /// None: what it holds is short.
    pub(crate) fn connect_auxiliary(&mut self) -> Result<Bytes, EncodeError> {
        if self.form == PayloadForm::Plain {
            return Ok(Bytes::new());
        }
        let mut connection = [0; 16];
        crate::entropy::fill(&mut connection);
        let block = AuxBlock::ClientConnectionInfo(AuxClientConnectionInfo {
            connection_guid: Guid::from_entropy(connection),
            connection_attempts: 0,
            connection_flags: ConnectionFlags::NONE,
            connection_context_info: Utf16::default(),
        });
        let buffer = auxiliary_buffer(self.form, &[block])?;
        self.sent.add_all(&buffer);
        Ok(buffer)
    }

    /// Takes note of a buffer that came.
    pub(crate) fn received(&mut self, buffer: &[u8]) {
        self.received.add_all(buffer);
    }

    /// What was saved since this was last asked; nothing is told of payloads that are to be plain.
    pub(crate) fn take_saved(&mut self) -> Facts {
        let (sent, received) = (std::mem::take(&mut self.sent), std::mem::take(&mut self.received));
        let actual = sent.actual.saturating_add(received.actual);
        if self.form == PayloadForm::Plain || actual == 0 {
            return Facts::new();
        }
        let saved = actual.saturating_sub(sent.stored.saturating_add(received.stored));
        Facts::new().with_words("bytes saved", saved, format!("{saved} of {actual}"))
    }
}
