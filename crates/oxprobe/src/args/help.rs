//! The text of `--help`.

/// What `--help` prints.
pub(crate) const HELP: &str = "\
oxprobe: why is, or is not, a mailbox found, and does it answer over MAPI over HTTP and
RPC over HTTP?

USAGE
  oxprobe demo [--json]
      Runs `serve` and `test` against each other: TLS on a free loopback port, NTLM with
      channel binding, --compress, a message delivered while NotificationWait waits; then the
      same over RPC over HTTP, found as a client finds it that speaks nothing else, with both
      channels recycled.

  oxprobe test ADDRESS [--url URL --user-dn DN] [options]
      Finds the mailbox by Autodiscover, unless its endpoint is given, and goes through a session
      step by step: says of each step what was learned, or what was expected, what came and what
      to do.
        --url URL             the mailbox endpoint as Autodiscover gives it, its query included;
                              with --transport rpchttp the RPC proxy, https://HOST/rpc/rpcproxy.dll
        --nspi-url URL        mapihttp: the address book's endpoint (default: as Autodiscover gives it;
                              without one the address book is not tested)
        --user-dn DN          the mailbox's legacy distinguished name, from the same answer
        --transport WHICH     auto (default), mapihttp, rpchttp (Outlook Anywhere, searched for as
                              a client without MAPI over HTTP does)
        --rpc-server HOST:PORT    rpchttp with --url: the RPC server behind the proxy, port 6001;
                              its address book is asked for at 6004, the referral at 6002
        --rpc-auth WHICH      rpchttp: authentication inside RPC: none, connect, integrity, privacy
                              (default), by NTLM, with --ccache by Negotiate; negotiate-privacy and
                              the like say which, and kerberos-privacy means Kerberos by itself
        --compress            send ROPs and auxiliary blocks compressed and obfuscated, and ask for
                              the same; steps say what that saved
        --listen-seconds N    how long NotificationWait, or EcDoAsyncWaitEx, may wait for news
                              (default 5)

  oxprobe discover ADDRESS [options]
      Finds the mailbox by Autodiscover as Outlook does, shows every step on the way, and the
      ways to the mailbox that the server publishes.
        --soap                ask by SOAP first, and by POX where that gives nothing, as clients of
                              Exchange Web Services do; SOAP tells nothing of MAPI over HTTP

    Options of both:
        --auth WHICH          auto (default: the strongest that the server offers), basic, ntlm,
                              negotiate
        --password-env VAR    take the password from this environment variable; without it
                              the terminal asks
        --ccache FILE         Kerberos inside of Negotiate, with the tickets of this file in place of
                              a password
        --gssapi-helper PROGRAM   what speaks Kerberos (default: oxwire-gssapi-helper)
        --ca FILE             trust the certificates of this PEM file, and no others
        --insecure            trust any certificate (what it says is still reported)
        --binding WHICH       auto (default: tls-server-end-point where there is TLS), none
        --proxy URL           forward proxy, http://host:port, by CONNECT
        --connect-to NAME:PORT:ADDR:PORT
                              connect to ADDR:PORT instead of NAME:PORT, as curl does; may be
                              given several times
        --srv NAME:PORT       what the SRV records of the domain say, instead of asking for them
        --dns ADDR[:PORT]     the name server to ask for SRV records (default: this machine's)
        --allow HOST          the password may go to this host, or with a dot in front to hosts
                              of this domain, when the search leads there
        --policy KEY[=0|1]    one of Outlook's policy keys: ExcludeHttpsRootDomain,
                              ExcludeHttpsAutoDiscoverDomain, ExcludeHttpRedirect,
                              ExcludeSrvRecord, DisableAutodiscoverV2Service …
        --json                one object a line: {\"step\",\"ok\",\"ms\",\"detail\"}

  oxprobe serve --listen ADDR:PORT [options]
      A server with a small mailbox in memory for each user, at /mapi/emsmdb/ and behind
      /rpc/rpcproxy.dll, and Autodiscover, which tells both.
      Port 0 takes a free one. The first line of output is the URL.
        --user ADDRESS:PASSWORD   a user; may be given several times
        --auth LIST           of basic, ntlm, negotiate (default: basic,ntlm)
        --epa WHICH           Extended Protection: off, allow (default) or require the channel
                              binding of NTLM and Negotiate
        --tls-ends-at FILE    with --plain: a proxy in front ends TLS with this PEM certificate,
                              and clients are bound to it
        --channel-lifetime BYTES
                              How much an OUT channel of RPC over HTTP carries before it is
                              recycled, 131072 to 2147483648; 1 GiB by default
        --compress            answer compressed and obfuscated where the request allows it, and ask
                              clients to compress
        --rpc-port PORT       another port that RPC over HTTP lets through, to the same
                              interfaces; a client that wants others is told that they are not here
        --keytab FILE         Kerberos inside of Negotiate, with the keys of this file
        --gssapi-helper PROGRAM   what speaks Kerberos (default: oxwire-gssapi-helper)
        --host NAME[:PORT]    the name that Autodiscover tells (default: where it listens)
        --plain               HTTP instead of HTTPS
        --cert FILE --key FILE    PEM certificate chain and key; without them a self-signed
                              certificate is made at start
        --write-ca FILE       write the certificate that clients are to trust (--ca FILE)

  oxprobe decode FILE [--kind KIND]
      Prints captured bytes as a tree with offsets, names and sections, and the bytes around an
      error. FILE holds them as they are or as hexadecimal text (plain, xxd, hexdump -C, a
      Wireshark dump); - is standard input. It connects to nothing.
        --kind KIND           what they are (default: a guess): rpc (DCE/RPC and RTS PDUs),
                              extended (RPC_HEADER_EXT around ROPs), aux (around auxiliary
                              blocks), rop-request, rop-response, response (meta-tags and what
                              is behind them), or a body of MAPI over HTTP by its request type,
                              as connect-request, execute-response, queryrows-request

EXIT STATUS
  0  every step went through        1  a step failed, or decode met an error
  2  the command line is wrong
";
