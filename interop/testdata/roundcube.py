"""A person at Roundcube: roundcube.py SERVER... URL USER PEER

Each step says what it is about to do; a failure names the step."""
import html, http.cookiejar, json, re, sys, urllib.parse, urllib.request

URL, USER, PEER, PASSWORD = sys.argv[9], sys.argv[10], sys.argv[11], sys.argv[8]
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
token = None


def page(query="", data=None, raw=False):
    headers = {"X-Roundcube-Request": token} if token else {}
    if data is not None:
        data = urllib.parse.urlencode(data).encode()
    body = opener.open(urllib.request.Request(URL + "?" + query, data, headers), timeout=60).read()
    return body if raw else body.decode()


def remote(task, action, get=None, post=None):
    """What the browser's script is told to do."""
    query = {"_task": task, "_action": action, "_remote": 1, **(get or {})}
    if post is not None:
        post = {**post, "_token": token, "_remote": 1}
    answer = json.loads(page(urllib.parse.urlencode(query), post))
    exec_ = answer.get("exec", "")
    assert '"error"' not in exec_ and "server error" not in exec_.lower(), exec_
    return exec_


def rows(exec_):
    """UIDs and subjects of a message list."""
    found = {}
    for m in re.finditer(r'add_message_row\((?:"(\d+)[^"]*"|(\d+)),(\{.*?\}),(\{.*?\})', exec_):
        found[int(m.group(1) or m.group(2))] = json.loads(m.group(3))
    return found


def step(name):
    print(name, flush=True)


step("log in")
form = page()
login = re.search(r'name="_token" value="([^"]+)"', form).group(1)
home = page("_task=login", {"_task": "login", "_action": "login", "_timezone": "UTC", "_url": "", "_token": login, "_user": USER, "_pass": PASSWORD})
assert "messagelist" in home, home[:2000]
token = re.search(r'"request_token":"([^"]+)"', home).group(1)

step("list")
listed = rows(remote("mail", "list", {"_mbox": "INBOX"}))
assert len(listed) == 12, listed
subjects = {v["subject"]: k for k, v in listed.items()}

step("open a message with a picture and text in two forms")
uid = next(k for s, k in subjects.items() if "picture" in s)
shown = page("_task=mail&_action=show&_mbox=INBOX&_uid=%d" % uid)
assert "Grüße mit Bild" in html.unescape(shown), shown[:3000]
picture = page("_task=mail&_action=get&_mbox=INBOX&_uid=%d&_part=2&_download=1" % uid, raw=True)
assert picture == bytes(range(256)) * 40, (len(picture), picture[:40])

step("flag, mark unread")
remote("mail", "mark", post={"_uid": uid, "_flag": "flagged", "_mbox": "INBOX"})
remote("mail", "mark", post={"_uid": uid, "_flag": "unread", "_mbox": "INBOX"})

step("search subject, text, flagged")
for headers, q, want in [("subject", "number 3", 1), ("text", "needle in the third", 1), ("text", "no such words", 0)]:
    found = rows(remote("mail", "search", {"_mbox": "INBOX", "_q": q, "_headers": headers, "_scope": "base", "_filter": "ALL"}))
    assert len(found) == want, (headers, q, found)
assert len(rows(remote("mail", "search", {"_mbox": "INBOX", "_q": "", "_filter": "FLAGGED", "_scope": "base"}))) == 1

step("sort and threads")
for column in ("subject", "from", "size", "date"):
    assert len(rows(remote("mail", "list", {"_mbox": "INBOX", "_sort": column + "_DESC"}))) == 12, column
threads = rows(remote("mail", "list", {"_mbox": "INBOX", "_threads": 1, "_layout": "list"}))
assert len(threads) >= 11, threads
remote("mail", "list", {"_mbox": "INBOX", "_threads": 0})

step("make a folder")
page("_task=settings&_action=save-folder", {"_token": token, "_name": "Übersicht", "_parent": "", "_mbox": "", "_framed": 1})
folder = "&ANw-bersicht"
assert folder in page("_task=settings&_action=folders"), "the folder is not listed"

step("move, copy, delete")
two = [subjects["number 5"], subjects["number 6"]]
remote("mail", "move", post={"_uid": ",".join(map(str, two)), "_mbox": "INBOX", "_target_mbox": folder})
remote("mail", "copy", post={"_uid": subjects["number 7"], "_mbox": "INBOX", "_target_mbox": folder})
assert len(rows(remote("mail", "list", {"_mbox": folder}))) == 3
remote("mail", "move", post={"_uid": subjects["number 8"], "_mbox": "INBOX", "_target_mbox": "Trash"})
assert len(rows(remote("mail", "list", {"_mbox": "INBOX", "_refresh": 1}))) == 9

step("save a draft twice, send it")
compose = page("_task=mail&_action=compose")
cid = re.search(r'"compose_id":"([^"]+)"', compose).group(1)
sender = re.search(r'name="_from".*?<option value="(\d+)"', compose, re.S).group(1)
message = {"_token": token, "_task": "mail", "_action": "send", "_id": cid, "_attachments": "", "_from": sender, "_to": PEER, "_cc": "", "_bcc": "",
           "_subject": "Von Roundcube mit ü", "_message": "Hello from the web\n", "_is_html": 0, "_store_target": "Sent", "_draft_saveid": ""}
draft = page("_task=mail&_unlock=x&_framed=1", {**message, "_draft": 1})
saved = re.search(r'set_draft_id\("?([^",)]+)', draft)
assert saved, draft
page("_task=mail&_unlock=x&_framed=1", {**message, "_draft": 1, "_draft_saveid": saved.group(1), "_message": "Hello again\n"})
assert len(rows(remote("mail", "list", {"_mbox": "Drafts"}))) == 1, "the old draft is still there"
sent = page("_task=mail&_unlock=x&_framed=1", {**message, "_draft": ""})
assert "sent_successfully" in sent, sent
assert len(rows(remote("mail", "list", {"_mbox": "Sent"}))) == 1

step("quota, refresh, empty the trash")
assert "set_quota" in remote("mail", "getunread") + remote("mail", "list", {"_mbox": "INBOX"}) + page("_task=mail"), "no quota is shown"
remote("mail", "refresh", {"_mbox": "INBOX", "_list": 1, "_quota": 1, "_folderlist": 1})
remote("mail", "purge", post={"_mbox": "Trash", "_reload": 1})
assert not rows(remote("mail", "list", {"_mbox": "Trash"}))
page("_task=logout&_token=" + token)
print("ok")
