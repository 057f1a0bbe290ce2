#!/usr/bin/env python3
"""Goal: what a city publishes is proved, attested or does not follow, in the same word on every
surface: in the alliance's ledger, in the lists, and by an outsider who holds copies of the logs and
the alliance's key alone. A city that nudges the last digit is found by all of them.

Method: a real node with an alliance of two cities and a third that is no member. Cases of days past
are imported; figures that follow from what is shared and figures that do not are published and
judged; the logs are copied from the running node and the copies are asked. Then the city lies, and
then the alliance: an entry is put into a stopped ledger that no honest node would decide
(lying_keeper.cc).

    published_figures_test.py LYING_KEEPER       HANSA_BINARY names the executable
"""

import csv
import datetime
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("", "../ops"):
    sys.path.insert(0, os.path.join(HERE, folder))
from alliance_process import eventually, expect, read, send  # noqa: E402
from city_process import SECONDS_MAX, test_main, uuid_v7  # noqa: E402
from figure_league import (CITIES, CITY, OTHER, READER, SHARE, STRANGER, League,  # noqa: E402
                           full_identity, lie, prepare)


def check_words(league, names):
    """One word for one figure: in the lists, on the command line, and by who has files only."""
    for name, standing in names.items():
        record = league.records()[name]
        expect(record["standing"] == standing.replace(" ", "_"), record)
        told = json.loads(league.verify(record, "--json",
                                        code=4 if standing == "does not follow" else 0).stdout)
        expect((told["standing"], told["ok"]) == (standing, standing != "does not follow"), told)
    said = league.hansa("figure", "list", "delta", "--server", league.server).stdout
    rows = {line.split()[1]: line for line in said.splitlines()[1:] if line.split()[1] in names}
    expect(set(rows) == set(names), said)
    for name, standing in names.items():
        expect(rows[name].rstrip().endswith(" " + standing), said)
    own = league.hansa("figure", "list", "delta", "--city", CITY, "--server", league.server)
    for line in own.stdout.splitlines()[1:]:
        expect(line.rstrip().endswith((" claimed as proved", " attested")), own.stdout)
    listed = json.loads(league.hansa("figure", "list", "delta", "--json", "--server",
                                     league.server).stdout)
    expect({one["publication"]: one["standing"] for one in listed["figures"]} ==
           {name: standing.replace(" ", "_") for name, standing in names.items()}, listed)


def check_copies(league):
    """What is served is copied as far as witnesses confirm it, or as far as it is signed; entries
    are for those who may read them, and what is no log of the node is said to be none."""
    words = ("--ledger", SHARE, "--alliance-key", league.key)
    other = os.path.join(league.node.folder, "other")
    eventually("the share to be confirmed for the first time",
               lambda: league.get(f"/tlog/{SHARE}/confirmed/checkpoint")[0] == 200)
    confirmed = {ledger: league.copy_log(ledger, out=other) for ledger in ("alliance/delta", SHARE)}
    told = league.node.run("verify", "share", other, *words).stdout
    expect("alliance/delta: " in told and ", confirmed by 2 of 2 witnesses\n" in told and
           f"{SHARE}: {confirmed[SHARE]} entries, confirmed by 1 of 1 witness\n" in told, told)
    for ledger, size in confirmed.items():
        expect(league.copy_log(ledger, "--newest", out=other) >= size, (ledger, size))
    league.node.run("verify", "share", other, *words)
    from_node = ("tlog", "copy", "--from", league.server + "/tlog", "--out", other, "--ledger")
    said = league.hansa(*from_node, SHARE, role="hotline", code=1).stderr
    expect("forbidden" in said, said)
    for ledger in ("alliance/nobody", f"share/delta/{STRANGER}", f"share/nobody/{CITY}"):
        said = league.hansa(*from_node, ledger, role=READER, code=1).stderr
        expect("there is no such file" in said, said)
    for ledger in (f"city/{CITY}", "delta"):
        league.hansa(*from_node, ledger, role=READER, code=2)


def check_stopped_copy(league):
    """The data of the stopped node give the entries that it served."""
    size = league.copy_log(SHARE, "--newest")
    served = os.path.join(league.evidence, "tlog", SHARE, f"tile/entries/000.p/{size}")
    league.node.stop()
    out = os.path.join(league.node.folder, "from-data")
    for source in (("--data", league.node.data_dir), ("--config", league.node.config)):
        league.node.run("tlog", "copy", *source, "--ledger", "alliance/delta", "--ledger", SHARE,
                        "--out", out, "--newest")
        told = json.loads(league.node.run("verify", "share", out, "--ledger", SHARE,
                                          "--alliance-key", league.key, "--json").stdout)
        kept = os.path.join(out, "tlog", SHARE, "tile/entries/000.p", told["share"]["size"])
        with open(served, "rb") as one, open(kept, "rb") as other:
            expect(other.read().startswith(one.read()), "the entries that were served")


def check_proved(league, record):
    told = league.verify(record).stdout
    expect(told.startswith(f"proved: handling_time@1 of {CITY}, 2024-02-02 to 2024-02-29, "
                           "reckoned anew from what is shared\nalliance/delta: "), told)
    expect(record["figure"]["total"]["value"] == {"numerator": "9000", "denominator": "1"}, record)


def check_spoilt_file(league, record):
    """What FILE says beside the figure is believed by nobody; and the figure is the published."""
    def spoilt(change, sentence):
        other = json.loads(json.dumps(record))
        change(other)
        told = league.verify(other, code=4).stdout
        expect(told.startswith("does not follow: ") and sentence in told, told)

    def nudge(other):
        other["figure"]["total"]["value"]["numerator"] = "9001"
    spoilt(nudge, f"{CITY}'s publication {record['publication']} was published otherwise in entry ")
    spoilt(lambda other: other["figure"].update(claim="attested"), "scope, period or sources")
    spoilt(lambda other: other.update(publication="m1"), "stands nowhere in the first ")
    spoilt(lambda other: other.update(city=OTHER), "stands nowhere in the first ")
    lied = {**record, "standing": "does_not_follow", "difference": "something",
            "sources": [{"ledger": SHARE, "size": "3"}]}
    expect(league.verify(lied).stdout.startswith("proved: "), "by the logs, not by the file")


def check_short_copy(league, record):
    """A copy that ends before the figure was told says so; it is no reason to doubt the figure."""
    other = os.path.join(league.evidence, "tlog", SHARE)
    os.rename(other, other + ".away")
    done = league.verify(record, code=1)
    expect(f"holds no copy of {SHARE}" in done.stderr, done.stderr)
    os.rename(other + ".away", other)


def check_findings(league, name):
    """What was found stands where people look: the list of the alliance's findings, the board of a
    campaign and its report, and the start page."""
    server = ("--server", league.server)
    says = "a figure that was published does not follow from it: the whole is published as 9001/1"
    listed = league.hansa("alliance", "findings", "delta", *server)
    line = listed.stdout.splitlines()[1]
    expect(line.split()[1:5] == ["figure", CITY, SHARE, "raised"] and says in line, listed.stdout)
    expect(listed.stdout == league.hansa("alliance", "findings", "delta", "--open",
                                         *server).stdout, "nothing is settled yet")
    found = json.loads(league.hansa("alliance", "findings", "delta", "--json", *server).stdout)
    expect(name in found["findings"][0]["raised"]["evidence"][0]["text"], found)
    campaign = league.delta.do("/campaigns", {
        "title": "Clean banks", "purpose": "In one week.",
        "commit_by_time_us": "2090-03-10T10:00:00Z", "starts_time_us": "2090-03-17T10:00:00Z",
        "ends_time_us": "2090-03-31T10:00:00Z"}, 201)["subject_id"]
    board = league.hansa("campaign", "board", "delta", campaign, *server,
                         role=league.delta.role).stdout
    expect(line in board.split("Held against ledgers:\n")[1].splitlines(), board)
    board = json.loads(league.hansa("campaign", "board", "delta", campaign, "--json",
                                    *server, role=league.delta.role).stdout)
    expect(board["ledger_findings"] == found["findings"], board)
    out = os.path.join(league.node.folder, "report")
    league.hansa("campaign", "report", "delta", campaign, "--data", league.node.data_dir, "--out",
                 out, *server, role=league.delta.role)
    with open(os.path.join(out, "report.json"), encoding="utf-8") as stream:
        expect(json.load(stream)["ledger_findings"] == found["findings"], "the report has them")
    league.node.run("verify", "report", out, "--alliance-key",
                    os.path.join(league.node.folder, "init-delta", "identity.json"))
    shown = league.page("/")
    expect(f'figure, raised</span> {SHARE} <span class="quiet">{says}' in shown, shown)
    finding = found["findings"][0]["raised"]["finding"]
    league.delta.do(f"/findings/{finding}:settle", {"reason": "The city corrected its software."})
    listed = league.hansa("alliance", "findings", "delta", "--open", *server).stdout
    expect(len(listed.splitlines()) == 1, listed)
    expect(says in league.hansa("alliance", "findings", "delta", *server).stdout, "it is not lost")
    expect("does not follow" not in league.page("/"), "what is settled is not shown")
    board = league.hansa("campaign", "board", "delta", campaign, *server,
                         role=league.delta.role).stdout
    expect("Held against" not in board, board)
    league.hansa("alliance", "findings", "nobody", *server, code=1)


def check_accounts(league):
    """Two cities tell of one joint action differently: so does `hansa verify league`, of their
    shares alone, until the secretariat has settled it."""
    def findings(kind):
        return [one["raised"]["finding"] for one in league.delta.read("/findings")["findings"]
                if one["raised"]["kind"] == kind]

    def once_heard(city, tail, body):
        eventually(f"{city} to hear of the campaign", lambda: league.connection.send(
            "city_admin", "POST", f"/v1/cities/{city}/alliances/delta/campaigns/k1{tail}", body,
            uuid_v7())[0] == 200)
    for city in CITIES[:2]:
        once_heard(city, ":commit", {"contribution": "forty people"})
    for city, partner, tonnes in ((CITY, OTHER, "12"), (OTHER, CITY, "120")):
        once_heard(city, "/actions:record", {
            "action": "bank", "title": "North bank", "day": "2025-03-19", "partner": partner,
            "joint_id": "bank", "quantity": tonnes, "unit": "tonnes"})
    finding = eventually("the finding", lambda: findings("differing"))[0]
    out = os.path.join(league.node.folder, "league")
    words = ("verify", "league", out, "--alliance-key", league.key)

    def verified():
        for ledger in ("alliance/delta", SHARE, f"share/delta/{OTHER}"):
            league.copy_log(ledger, "--newest", out=out)
        done = subprocess.run([league.node.hansa, *words], capture_output=True, text=True,
                              check=False, timeout=SECONDS_MAX)
        return done if f"finding {finding}" in done.stdout else None
    done = eventually("both accounts in the copies", verified)
    both = (f"share/delta/{OTHER}: k1 bank of {OTHER} and {CITY}: {OTHER} tells of 2025-03-19, "
            f"120 tonnes, {CITY} of 2025-03-19, 12 tonnes")
    expect(done.returncode == 4 and done.stderr == f"hansa: does_not_follow: {both}\n", done)
    league.delta.do(f"/findings/{finding}:settle", {"reason": "The mud was counted."})
    eventually("it to be settled in the copies", lambda: verified().returncode == 0)
    expect(f"{both}; finding {finding}, settled" in league.node.run(*words).stdout, both)


def check_alliance_figure(league):
    """The change of the air of all members is made of more than one share: each is read as far as
    the figure names it, and no further."""
    for city, after in ((CITY, "30"), (OTHER, "20.25")):
        send(league.connection, "city_admin", f"/v1/cities/{city}/population:record",
             {"people": "1000000", "year": 2010})
        for year, pm25 in ((2014, "40.5"), (2015, after)):
            first = datetime.date(year, 1, 1)
            days = [{"date": str(first + datetime.timedelta(day)), "pm25": pm25}
                    for day in range(365)]
            send(league.connection, "city_admin", f"/v1/cities/{city}/air-quality:record",
                 {"days": days})
    eventually("both cities to be counted", lambda: len(league.delta.read(
        "/figures/air-change?year=2015")["simple"]["counted"]) == 2)
    done = league.hansa("figure", "publish", "delta", "air_change@1", "--year", "2015", "--server",
                        league.server, role=league.delta.role)
    expect(done.stdout.endswith("claimed as proved\n"), done.stdout)
    record = league.judged(done.stdout.split()[0])
    expect((record["city"], record["standing"]) == ("", "proved"), record)
    sizes = {source["ledger"]: int(source["size"]) for source in record["figure"]["sources"]}
    expect(set(sizes) == {SHARE, f"share/delta/{OTHER}"}, sizes)
    league.copy(record)
    said = league.verify(record, code=1).stderr
    expect(f"holds no copy of share/delta/{OTHER}" in said, said)
    for ledger, size in sizes.items():
        eventually("the share to be signed up to what the figure names", lambda: league.copy_log(
            ledger, "--newest") >= size)  # pylint: disable=cell-var-from-loop
    told = league.verify(record).stdout
    expect(told.startswith("proved: air_change@1 of alliance/delta, 2015-01-01 to 2015-12-31, "),
           told)
    # Shorter than what the figure is made of: nothing is said of it yet.
    short = league.evidence + "-short"
    shutil.copytree(league.evidence, short)
    other = os.path.join("tlog", "share/delta", OTHER)
    shutil.rmtree(os.path.join(short, other))
    shutil.copytree(os.path.join(league.node.folder, "league", other), os.path.join(short, other))
    file = os.path.join(league.node.folder, "figure.json")
    said = league.node.run("verify", "metric", file, "--evidence", short, "--alliance-key",
                           league.key, code=3).stderr
    expect("make a newer one" in said and f"{sizes[f'share/delta/{OTHER}']} entries of it are "
           "needed" in said, said)


def check_invention(league, lying_keeper):
    """An alliance that says what a city never published, and that it is proved."""
    name = lie(league, lying_keeper, "alliance", "delta")
    record = league.judged(name)
    expect((record["city"], record["standing"]) == (CITY, "proved"), record)
    league.copy({"sources": [{"size": 1}]})
    told = league.verify(record, code=4).stdout
    expect(told.startswith(f"does not follow: {SHARE} tells of the city's entries up to ") and
           f", and of no publication {name}\n" in told, told)
    pack = os.path.join(league.node.folder, "pack-invented")
    league.node.run("pack", "--month", "2024-02", "--alliance", "delta", "--city", CITY,
                    "--evidence", league.evidence, "--alliance-key", league.key, "--out", pack)
    said = league.node.run("verify", "pack", pack, "--alliance-key", league.key, code=4).stderr
    expect(f"the pack has {name} as proved, it is `does not follow`: " in said, said)


def check_lie(league, lying_keeper):
    """A city that nudges the last digit; all that is signed is as it should be."""
    name = lie(league, lying_keeper, "city", CITY)
    record = league.judged(name)
    expect(record["standing"] == "does_not_follow", record)
    both = "is published as 9001/1 of 4 (0 met); what is shared gives 9000/1 of 4 (0 met)"
    expect(both in record["difference"], record)
    finding = next(one["raised"] for one in league.delta.read("/findings")["findings"]
                   if one["raised"]["kind"] == "figure")
    expect(finding["cities"] == [CITY] and "9001" in finding["evidence"][0]["text"] and
           "9000" in finding["evidence"][1]["text"], finding)
    league.copy(record)
    told = league.verify(record, code=4).stdout
    expect(told.startswith(f"does not follow: the whole {both}\n"), told)
    said = league.hansa("figure", "list", "delta", "--server", league.server).stderr
    expect(f"hansa: {name}: the whole {both}" in said, said)
    return name


def check_reads(league):
    """What else a city shows of evidence; and each question that has no answer."""
    city = f"/v1/cities/{CITY}/alliances/delta"
    peers = read(league.connection, READER, city + "/members")["peers"]
    expect([peer["city"] for peer in peers] == sorted(CITIES[:2]), peers)
    expect(all(peer["witness_key"] == full_identity(league.node, peer["city"])["witness_key"]
               for peer in peers), peers)
    witnessed = eventually("the other's share to be witnessed", lambda: [
        row for row in [read(league.connection, READER, city + "/witnessed")["witnessed"]]
        if {one["ledger"] for one in row} == {"alliance/delta", f"share/delta/{OTHER}"}])[0]
    expect(witnessed[0]["ledger"] == "alliance/delta" and int(witnessed[0]["size"]) > 0, witnessed)
    own = read(league.connection, READER, city + "/figures")["figures"]
    expect(all(row["standing"] == "unspecified" for row in own) and
           {row["publication"] for row in own} == set(league.records()), own)
    for tail, field in (("members", "peers"), ("witnessed", "witnessed"), ("figures", "figures")):
        none = read(league.connection, READER, f"/v1/cities/{STRANGER}/alliances/delta/{tail}")
        expect(none[field] == [], (tail, none))
        for path, status, code in (
                (f"/v1/cities/nowhere/alliances/delta/{tail}", 404, "unknown_city"),
                (f"{city}/{tail}?page_size=1001", 400, "bad_request"),
                (f"{city}/{tail}?page_token=00", 400, "bad_request")):
            answer = league.connection.send(READER, "GET", path)
            expect((answer[0], answer[1]["code"]) == (status, code), (path, answer))
    for path, status, code in (("/v1/alliances/nobody/figures", 404, "unknown_alliance"),
                               ("/v1/alliances/delta/figures?page_size=1001", 400, "bad_request")):
        answer = league.connection.send(READER, "GET", path)
        expect((answer[0], answer[1]["code"]) == (status, code), (path, answer))


def spoilt_pack(league, pack, name, change, sentence):
    """What a city would say that is given the pack with one file changed."""
    other = pack + "-spoilt"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(pack, other)
    file = os.path.join(other, name)
    before = b""
    if os.path.exists(file):
        with open(file, "rb") as stream:
            before = stream.read()
    after = change(before)
    expect(after != before, name)
    with open(file, "wb") as stream:
        stream.write(after)
    # As a liar would, who knows that people check the sums.
    if name != "manifest.txt":
        subprocess.run("find . -type f ! -name manifest.txt -printf '%P\\n' | LC_ALL=C sort | "
                       "xargs sha256sum > manifest.txt", shell=True, cwd=other, check=True)
    done = league.node.run("verify", "pack", other, "--alliance-key", league.key, code=4)
    expect(sentence in done.stderr and done.stderr.count("\n") == 1, (name, done.stderr))


def check_pack(league, names):
    """A month's pack has the figures with their words and proofs; another city, which holds the
    folder and the alliance's key, finds any byte that is not what the logs say."""
    pack = os.path.join(league.node.folder, "pack-" + str(len(names)))
    words = ("--alliance", "delta", "--city", CITY, "--evidence", league.evidence,
             "--alliance-key", league.key, "--out", pack)
    league.node.run("pack", "--month", "2024-02", *words)
    with open(os.path.join(pack, "figures.csv"), encoding="utf-8", newline="") as stream:
        rows = {row["publication"]: row for row in csv.DictReader(stream)}
    expect({name: row["standing"] for name, row in rows.items()} == names, rows)
    for name, row in rows.items():
        figure = league.records()[name]["figure"]
        total = figure["total"]
        expect((row["metric"], row["numerator"], row["denominator"], row["sample"]) ==
               (figure["metric"], total["value"]["numerator"], total["value"]["denominator"],
                total["sample"]), (row, figure))
        proof = os.path.join(pack, "proofs", name)
        said = league.node.run("verify", "proof", proof + ".tlog-proof", "--value", proof,
                               "--members", os.path.join(pack, "evidence"), "--alliance-key",
                               league.key).stdout
        expect("is proved" in said and "FigurePublished" in said, said)
    with open(os.path.join(pack, "definitions.csv"), encoding="utf-8", newline="") as stream:
        defined = {f"{row['metric']}@{row['version']}" for row in csv.DictReader(stream)}
    expect({row["metric"] for row in rows.values()} <= defined, defined)
    with open(os.path.join(pack, "pack.html"), encoding="utf-8") as stream:
        page = stream.read()
    expect(all(f'<span class="mark">{word}</span>' in page for word in names.values()), page)
    sums = subprocess.run(["sha256sum", "-c", "--quiet", "manifest.txt"], cwd=pack, check=False)
    expect(sums.returncode == 0, "the manifest is that of the files")
    told = json.loads(league.node.run("verify", "pack", pack, "--alliance-key", league.key,
                                      "--json").stdout)
    expect(told["ok"] and told["figures"] == names, told)
    return pack


def check_spoilt_pack(league, pack, proved):
    def spoilt(name, change, sentence):
        spoilt_pack(league, pack, name, change, sentence)

    follows = " is not what follows from the logs in the pack"
    spoilt("figures.csv", lambda data: data.replace(b",9000,", b",9001,"),
           "figures.csv: line 2" + follows)
    spoilt("figures.csv", lambda data: data.replace(b",attested", b",proved"),
           "figures.csv: line 3" + follows)
    spoilt("definitions.csv", lambda data: data.replace(b"sum", b"bum"), "definitions.csv: line ")
    spoilt("events.csv", lambda data: data + b" ", "events.csv: line ")
    spoilt("pack.html", lambda data: data.replace(b"9000/1", b"9001/1"), "pack.html: line ")
    spoilt("pack.json", lambda data: data.replace(b"2024-02", b"2024-03"), "")
    spoilt(f"proofs/{proved}", lambda data: data[:-1] + bytes([data[-1] ^ 1]), f"proofs/{proved}: ")
    spoilt(f"proofs/{proved}.tlog-proof", lambda data: data.replace(b"index ", b"index 1"),
           "proofs/")
    spoilt("more.csv", lambda data: b"x", "more.csv is no part of a pack")
    spoilt("manifest.txt", lambda data: data.replace(b"  events", b"  Events"),
           "manifest.txt: line ")
    spoilt(f"evidence/tlog/{SHARE}/checkpoint", lambda data: data.replace(b"\n", b" \n", 1), "")
    spoilt(f"evidence/tlog/{SHARE}/tile/entries/000.p/more", lambda data: b"x", "")


def check_refusals(league):
    for words, code in (
            (("speed@1", "2024-01"), "unknown_metric"),
            (("handling_time@2", "2024-01"), "unknown_metric"),
            (("handling_time@1", "2024-02"), "already_exists"),
            (("handling_time@1", "2024-01", "--scope", "street"), "not_shareable"),
            (("on_time_rate@1", "2024-01"), "not_shareable")):
        said = league.publish(*words, code=1)
        expect(code in said, (words, said))
    path = f"/v1/cities/{STRANGER}/alliances/delta/figures"
    send(league.connection, "city_admin", path,
         {"metric": "handling_time@1", "scope": "city", "from_day": "2024-01-01",
          "to_day": "2024-01-31"}, 404)


def run(hansa, folder, lying_keeper):
    node = prepare(hansa, folder)
    try:
        league = League(node)
        league.bring()
        league.import_closed("2024-01", 3)
        # By a calendar that the others have not seen; it is said again with the figure.
        early, claim = league.publish("handling_time@1", "2024-01")
        expect(claim == "attested", claim)
        league.import_closed("2024-02", 4)
        proved, claim = league.publish("handling_time@1", "2024-02")
        expect(claim == "proved", claim)
        attested, claim = league.publish("source_coverage@1", "2024-02")
        expect(claim == "attested", claim)
        names = {early: "attested", proved: "proved", attested: "attested"}
        for name in names:
            record = league.judged(name)
        league.copy(record)
        shutil.copy(os.path.join(league.evidence, "tlog/alliance/delta/vkey"), league.key)
        check_copies(league)
        check_words(league, names)
        record = league.records()[proved]
        check_proved(league, record)
        check_spoilt_file(league, record)
        check_short_copy(league, record)
        check_refusals(league)
        check_reads(league)
        in_pack = {proved: "proved", attested: "attested"}
        check_spoilt_pack(league, check_pack(league, in_pack), proved)
        # The last figure is the one that is told again, nudged.
        lied = check_lie(league, lying_keeper)
        check_words(league, {**names, lied: "does not follow"})
        check_pack(league, {**in_pack, lied: "does not follow"})
        check_findings(league, lied)
        check_accounts(league)
        check_alliance_figure(league)
        check_invention(league, lying_keeper)
        check_stopped_copy(league)
        print("figures are proved, attested or do not follow, by whomever they are reckoned")
    finally:
        node.end()


if __name__ == "__main__":
    sys.exit(test_main(run, sys.argv[2:], sys.argv[1]))
