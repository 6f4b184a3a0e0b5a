"""impacket's exchanger.py as it is installed: the address book of `oxprobe serve` by NSPI over RPC over HTTP, sealed inside RPC."""

from world import check

DN = "/o=oxwire/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="


def nspi(world, *arguments, options=(), password="secret"):
    """What it prints below its banner."""
    who = f"MAIL/alice:{password}@mail.test"
    return world.impacket("exchanger.py", *options, "-rpc-hostname", "mbx1", who, "nspi", *arguments)


def entries(printed):
    """Each entry as a mapping from its properties."""
    blocks = [block.splitlines() for block in printed.split("=======================")]
    found = [dict(line.split(": ", 1) for line in block if ": " in line) for block in blocks]
    return [entry for entry in found if "mail" in entry]


@check
def exchanger_lists_the_tables(world):
    """By NTLM and by Basic at the proxy; NspiGetSpecialTable, and NspiUpdateStat for the count."""
    for options in ((), ("-basic",)):
        printed = nspi(world, "list-tables", "-count", options=options)
        assert "Default Global Address List\nTotalRecs: 2\nGuid: None" in printed, printed


@check
def exchanger_dumps_the_table(world):
    """NspiQueryRows, in pages of one row; addresses by default, and every column that it knows."""
    found = entries(nspi(world, "dump-tables", "-name", "GAL", "-rows-per-request", "1"))
    assert [entry["mail"] for entry in found] == ["alice@mail.test", "bob@mail.test"], found
    found = entries(nspi(world, "dump-tables", "-name", "GAL", "-lookup-type", "EXTENDED"))
    assert [entry["mailNickname"] for entry in found] == ["alice", "bob"], found
    found = entries(nspi(world, "dump-tables", "-name", "GAL", "-lookup-type", "FULL"))
    assert [entry["PR_ENTRYID"] for entry in found] == [DN + "alice", DN + "bob"], found


@check
def exchanger_finds_entries_by_their_ids(world):
    """An Explicit Table, with rows that are not there."""
    found = entries(nspi(world, "dnt-lookup", "-start-dnt", "0", "-stop-dnt", "40"))
    assert [entry["mail"] for entry in found] == ["alice@mail.test", "bob@mail.test"], found


@check
def exchanger_is_refused_with_a_wrong_password(world):
    printed = nspi(world, "list-tables", password="wrong")
    assert "401" in printed and "Address List" not in printed, printed
