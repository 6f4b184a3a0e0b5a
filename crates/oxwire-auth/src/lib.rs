//! HTTP authentication (Basic, Bearer, NTLM), client and acceptor, sans-IO.
