//! Settings that several roles have: what each verb takes, and the bounds that the text sets, are said once.

/// The verbs of the settings that are named, in an `impl` of their type.
macro_rules! settings {
    () => {};
    (limits $($rest:ident)*) => {
        /// Sets who may hold how much.
        #[must_use]
        pub const fn with_limits(mut self, limits: crate::front::RoleLimits) -> Self {
            self.limits = limits;
            self
        }
        crate::settings::settings!($($rest)*);
    };
    (setup_timeout $($rest:ident)*) => {
        /// Sets how long an establishment or a recycling may take.
        #[must_use]
        pub const fn with_setup_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.setup_timeout = timeout;
            self
        }
        crate::settings::settings!($($rest)*);
    };
    (idle_timeout $($rest:ident)*) => {
        /// Sets how long the client may be silent.
        #[must_use]
        pub const fn with_idle_timeout(mut self, timeout: Option<std::time::Duration>) -> Self {
            self.idle_timeout = timeout;
            self
        }
        crate::settings::settings!($($rest)*);
    };
    (connection_timeout $($rest:ident)*) => {
        /// Sets ConnectionTimeout; what lies outside 120 to 14,400 seconds is taken as the nearer bound ([MS-RPCH] 2.2.3.5.3).
        #[must_use]
        pub fn with_connection_timeout(mut self, timeout: std::time::Duration) -> Self {
            let (least, most) = (std::time::Duration::from_secs(120), std::time::Duration::from_secs(14_400));
            self.connection_timeout = timeout.clamp(least, most);
            self
        }
        crate::settings::settings!($($rest)*);
    };
    (channel_lifetime $($rest:ident)*) => {
        /// Sets the channel lifetime; what lies outside 131,072 to 2,147,483,648 is taken as the nearer bound ([MS-RPCH] 2.2.3.5.5).
        #[must_use]
        pub fn with_channel_lifetime(mut self, bytes: u32) -> Self {
            self.channel_lifetime = bytes.clamp(0x2_0000, 0x8000_0000);
            self
        }
        crate::settings::settings!($($rest)*);
    };
    (recycle_threshold $($rest:ident)*) => {
        /// Sets when OUT channel recycling starts.
        #[must_use]
        pub const fn with_recycle_threshold(mut self, bytes: u32) -> Self {
            self.recycle_threshold = bytes;
            self
        }
        crate::settings::settings!($($rest)*);
    };
    (send_queue $($rest:ident)*) => {
        /// Sets how much may wait to be sent. A limit below the largest PDU leaves that PDU no way out.
        #[must_use]
        pub const fn with_send_queue(mut self, bytes: usize) -> Self {
            self.send_queue = bytes;
            self
        }
        crate::settings::settings!($($rest)*);
    };
    (max_pdu $($rest:ident)*) => {
        /// Sets the largest PDU.
        #[must_use]
        pub const fn with_max_pdu(mut self, bytes: u16) -> Self {
            self.max_pdu = bytes;
            self
        }
        crate::settings::settings!($($rest)*);
    };
    // A receiving channel: its window, when it acknowledges, and its largest PDU.
    (receiver $($rest:ident)*) => {
        /// Sets the ReceiveWindow; what lies outside 8,192 to 262,144 is taken as the nearer bound ([MS-RPCH] 2.2.3.5.1).
        #[must_use]
        pub fn with_receive_window(mut self, bytes: u32) -> Self {
            self.receive_window = bytes.clamp(8_192, 262_144);
            self
        }

        /// Sets when received bytes are acknowledged.
        #[must_use]
        pub const fn with_ack_threshold(mut self, threshold: crate::flow_control::AckThreshold) -> Self {
            self.ack_threshold = threshold;
            self
        }

        pub(crate) fn receiver(&self) -> crate::flow_control::Receiver {
            let receiver = crate::flow_control::Receiver::new(self.receive_window, self.ack_threshold);
            receiver.with_largest_pdu(u32::from(self.max_pdu))
        }
        crate::settings::settings!(max_pdu $($rest)*);
    };
}

pub(crate) use settings;
