"""A KDC of MIT's on loopback: a realm, alice with her password, services with their keytab, tickets."""

import os
import subprocess
import time

from peers import Process, free_port

REALM = "MAIL.TEST"


class Kdc(Process):
    def __init__(self, directory, services=("HTTP/localhost", "exchangeMDB/mbx1", "exchangeAB/mbx1", "exchangeRFR/mbx1", "host/mbx1"), users=(("alice", "secret"), ("mallory", "secret"))):
        self.directory = directory / "kdc"
        self.directory.mkdir()
        self.port = free_port()
        self.keytab = self.directory / "services.keytab"
        conf, profile = self.directory / "krb5.conf", self.directory / "kdc.conf"
        conf.write_text(
            f"""[libdefaults]
    default_realm = {REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    {REALM} = {{
        kdc = 127.0.0.1:{self.port}
    }}
[domain_realm]
    localhost = {REALM}
    mbx1 = {REALM}
"""
        )
        profile.write_text(
            f"""[kdcdefaults]
    kdc_listen = 127.0.0.1:{self.port}
    kdc_tcp_listen = 127.0.0.1:{self.port}
[realms]
    {REALM} = {{
        database_name = {self.directory}/principal
        key_stash_file = {self.directory}/stash
    }}
"""
        )
        self.environment = {"KRB5_CONFIG": str(conf), "KRB5_KDC_PROFILE": str(profile)}
        self.run("kdb5_util", "create", "-s", "-P", "master", "-r", REALM)
        for user, password in users:
            self.run("kadmin.local", "-q", f"addprinc -pw {password} {user}")
        for service in services:
            self.run("kadmin.local", "-q", f"addprinc -randkey {service}")
            self.run("kadmin.local", "-q", f"ktadd -k {self.keytab} {service}")
        super().__init__(["krb5kdc", "-n"], self.directory / "kdc.log", env={**os.environ, **self.environment})

    def run(self, *command, text=None, **environment):
        done = subprocess.run(
            command, env={**os.environ, **self.environment, **environment}, input=text, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def tickets(self, user="alice", password="secret"):
        """A credentials cache with that user's ticket."""
        cache = self.directory / f"{user}.cache"
        until = time.monotonic() + 10
        while True:
            try:
                self.run("kinit", "-c", str(cache), user, text=password + "\n")
                return cache
            except AssertionError:
                # The KDC may not listen yet.
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def client(self, cache):
        """The environment of a client with those tickets."""
        return {**self.environment, "KRB5CCNAME": f"FILE:{cache}"}

    def acceptor(self):
        """The environment of a server with the services' keys."""
        return {**self.environment, "KRB5_KTNAME": f"FILE:{self.keytab}"}
