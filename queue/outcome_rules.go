package queue

import "sync"

// who blocks addresses, or sells lists of them
const lists = `(spamhaus|spamcop|barracuda|sorbs|uceprotect|psbl|abuseat|\bcbl\b|mailspike|manitu|cloudmark|trend ?micro|senderscore|sender score|` +
	`proofpoint|fortiguard|invaluement|abusix|0spam|spamrats|hostkarma|nixspam|s5h|backscatterer|surriel|\brbl\b|dnsbl|dnsrbl|black ?-?list|block ?-?list|deny ?-?list)`

// textRules are tried in this order: what is more telling comes first. They are made
// when the first text is read: most runs of the program read none.
var textRules = sync.OnceValue(func() []textRule {
	return []textRule{
		// Lists of domains and links are another matter than those of addresses.
		rule(poorReputation, `\bdbl\b|\bdbl\.spamhaus|(sender |your |the |mail )?domain\b.{0,20}\b(is |was )?(black|block)[- ]?listed`),
		rule(poorReputation, `(mail ?from|sender|from) domain is listed`),
		rule(poorReputation, `sender address \[?@?\]? ?blocked using`),
		rule(attachmentBad, `\b(uribl|surbl|urlbl)\b|\b(url|uri|link|website)s?\b.{0,40}(black ?list|block ?list|listed|blocked|malicious|forbidden)`),

		// A list answers so to whoever asks it through a public resolver, or too often:
		// no address of ours is on it.
		rule(listMisused, `blocked using \S+; error: (open resolver|excessive)`),

		rule(connectionSpent, `max messages? per connection|too many messages in this connection`),
		rule(mailboxBusy, `recipient has exceeded .{0,12}rate limit`),

		// What Gmail calls blocked for a while is slowed down.
		rule(tooFast, `unusual (rate|amount|volume|sending|traffic)|unexpected volume|user complaints|unusual sending activity`),
		rule(tooFast, `\b(rate|frequency|volume|throughput)[- ]?(limit|limited|limiting|exceeded)|ratelimit|exceeded.{0,30}\brate\b|limit(ed)? exceeded for|rate control`),
		rule(noReverseDNS, `reverse[- ]?(dns|host ?name|lookup|address|mapping|record)|\bptr\b|\brdns\b|cannot find your (reverse )?(host ?name|hostname)|fcrdns|forward[- ]confirmed|no matches to nameserver|cannot resolve your|(host|ip|client)('s)? (name |address )?(does|did|do)(es)? not (reverse )?resolve|lookup of your (ip|host)`),

		rule(addressBlocked, `\bclient( host)? ?\[?[^ ]*\]? (was |is )?(blocked|rejected|refused|denied) (using|by|due to|because of) .{0,40}`+lists),
		rule(addressBlocked, `client (host )?\[[^\]]*\] blocked using `),
		rule(addressBlocked, `\b(ip|ip address|sender ip|host|server|mta|network|\d+\.\d+\.\d+\.\d+\]?\)?)\b.{0,60}\b(black|block|deny)[- ]?(list(ed|ing)?|ed)\b`),
		rule(addressBlocked, `\b(ip|address|host|server|\d+\.\d+\.\d+\.\d+\]?\)?|[0-9a-f:]+:[0-9a-f]+\]?)\)?,? .{0,40}\b(listed|found|blocked|listing|denied|rejected|refused)\b.{0,12} (in|on|at|by|from|using)\b.{0,40}`+lists),
		rule(addressBlocked, `\b(rejected|blocked|refused|denied|not be accepted)\b.{0,60}\b(due to listing|listed|listing|is) (in|on|at|by) .{0,40}`+lists),
		rule(addressBlocked, `\b(mail|email|message|connection|access)?.{0,40}\b(rejected|blocked|refused|denied) (by|due to|because of|using) (an? |the )?(ip |our |real-?time )?`+lists),
		rule(addressBlocked, `\bs31[45]0\b|\(s775\)|part of their network is on our block list|messages from \S+ weren't sent`),
		rule(addressBlocked, `banned sending ip|banned ip|traffic not accepted from this ip`),
		rule(addressBlocked, `^ip=[0-9a-f.:]+ - `),
		rule(addressBlocked, `all messages from \S+ will be permanently deferred|\[ts0[0-9]\]|\[tss(09|11)\]`),
		rule(addressBlocked, `comcast block for spam|dnsbl:rbl|_is_blocked`),
		rule(addressBlocked, `sending mta's poor reputation`),
		rule(addressBlocked, `poor reputation on cloudmark|link//csi\.cloudmark`),
		rule(addressBlocked, `blocked - see .{0,10}ipcheck\.proofpoint`),
		rule(addressBlocked, `(not|n't) accept (e-?mail |mail |messages |connections )?from (dynamic|dial-?up|residential|generic)`),
		rule(addressBlocked, `(dynamic|dial-?up|dialup|residential|generic).{0,30}\b(ips?|hosts?|address(es)?)\b.{0,40}(reject|not allowed|not accepted|refused|prohibited|blocked)`),
		rule(addressBlocked, `\bbanned for (sending )?spam|too many spams? from your ip|you are sending spam|server .{0,30}has been banned`),

		rule(greylisted, `gr[ea]y[- ]?list|not yet authori[sz]ed to deliver`),
		rule(greylisted, `internal resources? (are |is )?temporarily unavailable`),
		rule(greylisted, `(try|retry|come|again|wait) .{0,30}\b(in|for|after|back in) \d+ ?(s|sec|secs|seconds?|m|min|mins|minutes?)\b|come back in \d\d:\d\d`),

		rule(mailboxFull, `\b(mail ?box|inbox) (size|storage|quota)( limit)? (exceeded|reached)`),
		rule(tooLarge, `\b(message|mail|e-?mail|size|content|attachments?|data|headers?)\b.{0,40}\btoo (large|big|long)`),
		rule(tooLarge, `\bsize\b.{0,40}\b(exceed|larger|over|above)|(exceed(s|ed|ing)?|over|larger than|greater than|bigger than)\b.{0,40}\b(size|fixed limit|system limit|bytes|octets|megabytes|mb)\b`),

		rule(mailboxBusy, `receiving (e-?mails?|mails?|messages?) (too (quickly|fast)|at a rate)`),
		rule(mailboxBusy, `mailbox received too much|recipient (has exceeded|thread limit)|deferred due to excessive volume|recipient.{0,30}(limit|maximum).{0,30}(number of messages|per hour)`),

		rule(tooManyRecipients, `too many rec(i?pients|eivers)|too many rcpts?|try this recipient in a separate transaction|recipients? (count|limit) (is )?(exceeded|reached)|(maximum|max) (number of )?recipients|recipients per (message|transaction|session)|multiple destination domains`),

		rule(tooFast, `too many (messages|mails|e-?mails|connections|sessions|concurrent|simultaneous|smtp sessions|requests|errors|unknown|invalid|bad|non-?existent|open|parallel|attempts|failed|rcpt|recipient errors)`),
		rule(tooFast, `throttl`),
		rule(tooFast, `(max|maximum|limit)( number of)? (on )?(messages?|mails?|e-?mails?|(concurrent |simultaneous |open )?connections?|sessions?)|exceeded the .{0,20}(connections|messages|emails)|exceeded .{0,40}\bper (hour|day|minute|second)`),
		rule(tooFast, `excessive (volume|unknown|mail|message|number|connections)|high volume`),
		rule(tooFast, `slow(ing)? down|sending (mail |messages |e-?mails? )?too (fast|much|many|quickly)|too (fast|frequent|frequently|often|much mail)|received too many messages`),
		rule(tooFast, `\b(daily|hourly|submission|sending|outbound|relay)\b.{0,20}(limit|quota|threshold)\b.{0,20}(exceeded|reached|hit)|exceeded.{0,20}(threshold|(daily|hourly|sending|message) (limit|quota))|message (limit|quota) (exceeded|reached)`),

		rule(mailboxFull, `\b(mailbox|mail ?box|mail ?folder|inbox|user|account|maildir|recipient|storage|box)\b.{0,40}\b(is |are )?(almost )?(full|over[- ]?quota|out of (space|storage)|over (its |the )?(quota|limit)|beyond quota|exceeded (its |the |their |his )?(disk |storage |mail ?box )?(quota|limit))`),
		rule(mailboxFull, `over ?-?quota|\bquota\b.{0,40}\b(exceed|full|reached|over)|(exceed|over|out of)\w* .{0,30}\bquota|\b(mailbox|storage|disk) quota`),
		rule(mailboxFull, `exceeded storage allocation|not enough (storage|space|room)|insufficient (mailbox |user )(storage|space)|out of storage|storage (full|limit|space exceeded)|doesn't have enough (space|storage)`),

		rule(senderDomainUnknown, `sender('s)? address rejected: domain not found|domain of (the )?sender('s)?( address)?( @)? (does not|must|not)|(sender|from|mail from|return|envelope)('s|-| )?( address)? ?domain\b.{0,40}\b(does not|doesn't|not|cannot|can't|must|n't) (exist|resolve|be (found|resolved)|found|valid)`),
		rule(senderDomainUnknown, `domain may not exist|dns check failed|unresolvable .{0,20}from domain|domain must resolve|unresolvable (sender|domain)|sender .{0,30}(has )?no (valid )?(mx|a or mx|dns)|could not resolve (the )?sender|need fully.qualified (domain|sender)`),
		rule(senderRefused, `sender ?(address)?:? ?(@ )?(is |was )?(rejected|denied|refused|blocked|not allowed|verify failed|banned|restricted)|bad outbound sender|sender denied|banned sender|invalid (sender|return path|from address|mail from)|bad sender`),
		rule(senderRefused, `\b(sender|return[- ]?path|reverse[- ]?path|envelope from|mail from:? <?@)>?.{0,40}\b(verification failed|verify failed|callback|could not be verified|unverified|not verified|does not exist|unknown|not accepted|not valid|is invalid|not permitted|rejected)`),
		rule(senderRefused, `suspected spam sender|user unknown in sender|(your|sender) (account|address) .{0,30}(suspended|blocked|disabled) .{0,20}(from )?sending`),

		rule(relayDenied, `\brelay(ing)? (access |is |was |attempt )?(denied|not|prohibited|refused|disabled|restricted)|\b(not?|not permitted to|unable to|cannot|can't|won't|refuse to|does not|do not|don't|may not|authenticate to) relay\b|relaying (denied|mail|not|prohibited|to)|relay not permitted`),
		rule(relayDenied, `\brcpthosts\b|(domain|host).{0,30}\b(not|isn't|n't) (hosted|handled|served|local|in my list|configured|accepted here|one of (ours|my)|listed here|ours)|not a local (host|domain|user|address)|\bnot local\b|tenantattribution|not (an? )?(open )?relay|(not|n't) (accept|handle|receive) (e-?mail|mail|messages) for (this|that|the|such|your|host|domain|@)|unauthorized relay|not responsible for`),

		rule(mailLoop, `mail (forwarding )?loop|(too many|exceeded|maximum|max|count).{0,16}\bhops?\b|hop ?count|routing loop|loops? back|looping|loop detected|(too many|number of) '?(received|delivered-to)|already (has|have|in|contains?) .{0,20}delivered-to|circular|mail for .{0,60} loops`),
		rule(timeExpired, `delivery time expired|message (has )?expired|too long in (the )?queue|in (the )?queue too long`),

		rule(notAllowed, `delivery (not authorized|restricted)|delivery restrictions?|(members?|subscribers?) only|only (accepts?|receives?) (mail|messages?|e-?mail) from|allowed senders?|not ?authenticated ?for ?(group|mailbox)|notauthorized|requireauthenti|not (allowed|authori[sz]ed|permitted) to (send|post|write|deliver)( messages?| mail| e-?mail)? to`),
		rule(loginWanted, `authentication (is )?(required|needed)|must (be )?authenticated?\b|please (authenticate|log ?in)|client was not authenticated|smtp auth(entication)?\b|credentials|(username|user name|login) and password|log ?in (first|required)|auth (is )?(required|first)|5\.7\.57`),
		rule(dmarcFailed, `\bdmarc\b`),
		rule(unauthenticated, `unauthenticated|(spf|dkim)( and|, or| or| nor|/| checks? (or|and)) ?(dkim|spf)|(not|n't|fail\w*|must|lacks?) (be |pass |passed |to pass )?(email |sender |message )?authenticat(ed|ion checks?)\b|authentication (level|checks? failed)|email authentication|validation of the sender|not passed validation|\banti-?spoofing\b|\bspoofed\b`),
		rule(spfFailed, `\bspf\b|sender policy framework|\bopenspf\b`),
		rule(spfFailed, `not (allowed|authori[sz]ed|permitted|designated) to send (mail |e-?mails? |messages? )?(from|for|as|on behalf)|originating ip .{0,40}not permitted|invalid ip for sending mail of domain`),
		rule(dkimFailed, `\bdkim\b|domainkeys`),
		rule(arcFailed, `\barc\b.{0,20}\b(fail|invalid|validation|chain|seal)`),

		rule(badHelo, `\b(helo|ehlo)\b`),
		rule(tlsWanted, `must issue (a |an )?starttls|starttls (is )?(required|first|command first|needed)|\b(tls|ssl|encryption|encrypted connection|secure connection|session encryption)\b.{0,16}(is )?(required|needed|mandatory|must be|enforced)|(require|requires|use|need|needs|must use) (tls|starttls|ssl|encryption|an encrypted|a secure)`),

		rule(notAllowed, `rejected by (the )?(recipients?|user|addressee)\b|(recipient|user) (has )?(blocked|rejected|refused) (you|your|the sender|this sender|mail|e-?mail|messages)|blocked senders?|user'?s? (personal )?(black|block) ?list|not (on|in) .{0,16}white ?list|sender is not (in|on) the|envelope blocked|recipient does not (want|accept) `),

		rule(hasMoved, `(user|account|mailbox|address|recipient|person).{0,20}\b(has|have) (been )?(moved|changed)|new (e-?mail )?address (is|:)|no longer (works?|employed|with (us|the|this)|at this (company|address))|left the (company|organi[sz]ation|firm)|please use the new`),
		rule(mailboxOff, `\b(mail ?box|account|user|recipient|inbox|username)\b.{0,40}\b(disabled|deactivated|inactive|suspended|closed|discontinued|locked|not active|terminated|no longer (active|available|in use|accept\w*|valid)|cancelled|frozen|dormant|has expired|switched off|not activated)`),
		rule(mailboxOff, `\b(disabled|inactive|suspended|deactivated|dormant|closed|expired) (user|mail ?box|account|recipient|e-?mail (address|account)|address)|\baccount (is|has been) (blocked|hold)|address (is )?(disabled|inactive|no longer (active|available|in use|accept\w*|valid))|e-?mail (account|address).{0,40}(disabled|inactive|deactivated)`),

		rule(mailboxOff, `@ is no longer valid`),
		rule(badAddress, `(bad|invalid|malformed|illegal|improper) .{0,24}\b(address|recipient|mailbox) (syntax|format)|syntax error in .{0,24}\b(address|recipient|mailbox|path)|address syntax|malformed (address|recipient)|invalid (address|recipient) (format|syntax)|not a valid rfc.{0,12}address`),
		rule(userUnknown, `\b(user|recipients?|mail ?box|account|address|addressee|alias|person|e-?mail|username|local[- ]part|destination|customer|client name|login)\b( name| address| account| id| to @| @|:| rejected:?| \[?@\]?| <@>| <@>\.*| you tried to reach| that you tried to reach| you entered| in virtual| \(@\)){0,3} ?(was |is |are |could |can)?(unknown|not found|not be found|nowhere|not known|does ?n[o']t exist|does not exist|did not exist|doesn't exist|invalid|not exist|do not exist|nonexistent|non-existent|unrecogni[sz]ed|no longer exists?|not valid|isn't valid|undeliverable|not registered|not a valid|not listed|not our customer)`),
		rule(userUnknown, `\b(unknown|invalid|no such|non-?existent|nonexistent|bad|unrecogni[sz]ed|incorrect|wrong|undefined|illegal) (or \w+ )?(local |virtual |e-?mail |mail |destination |smtp )*(users?|recipients?|mail ?box|account|address|alias|addressee|person|local[- ]part|mail ?drop|name here|username|customer)\b`),
		rule(userUnknown, `\bno (mail ?box|such|account|user|one|person|valid recipients?)\b.{0,30}\b(here|by that name|exists?|with that|found|at this|address|user|name|person)`),
		rule(userUnknown, `(doesn't|does not|do not|don't) have (a|an) \S+ (account|mail ?box|address)|recipientnotfound|recipnotfound|nosuchuser|no such user|address lookup|not our customer|(address|recipient) is marked as invalid|mailbox unallocated|unrouteable address|unroutable address|user doesn't exist|(mailbox|user|recipient|account|address) (name )?(not found|unknown)|(unknown|no) user|sconosciuto|utilisateur inconnu|destinataire inconnu|boite (du destinataire )?inconnue|unbekannter (empf|benutzer)|empf.{1,2}nger unbekannt|usuario desconocido|buz.n inexistente|nie istnieje`),
		rule(userUnknown, `mailbox unavailable.{0,80}(link//|explanation visit )[^ ]*(gmx|web\.de|1und1|ionos|mail\.com)`),
		rule(domainUnknown, `\b(unknown (host|domain)|(host|domain) (name )?(unknown|not found|lookup failed)|(recipient|destination|target)('s)? domain.{0,24}(not found|does not exist|unknown|invalid)|no such (host|domain)|bad destination (host|system))`),

		rule(attachmentBad, `\b(virus(es)?|malware|trojan|worm|infected|phish(ing)?|eicar|clamav|ransomware)\b`),
		rule(attachmentBad, `(attachment|attached file|file ?(type|name|extension)|executable|archive|zip file)s?\b.{0,40}(not allowed|reject|blocked|prohibited|forbidden|not accepted|denied|banned|not permitted|disallowed|dangerous)|(banned|blocked|forbidden|illegal|prohibited|disallowed|unsafe|dangerous) (attachment|file|extension|mime|content.type)|potential security issue|forbidden_file`),
		rule(poorReputation, `(low|poor|bad|insufficient|no|negative) (e-?mail |sender |sending |ip |domain |mta )?reputation|reputation (of|is|score|too|problem|filter|check)|(ip|domain|sender) (has )?(bad |poor )?reputation|extreme bad ip profile|sender ?score`),
		rule(isSpam, `(looks? like|considered|classified as|identified as|detected as|appears? to be|suspected|suspicion of|likely|scored as|flagged as|marked as|recogni[sz]ed as|resembles|categorized as|probabl[ye]|contains?|is|as)\b( to be)?( an?)? ?.{0,12}\b(spam|unsolicited|junk|uce|ube|bulk mail)\b`),
		rule(isSpam, `\b(anti-?)?spam[- _]?(message|content|mail|detected|detection|reject|score|filter|suspicion|pattern|points|level|engine|assassin|found|check|policy|like|refused|blocked)|\bspam\b.{0,20}\b(block|refus|reject|denied|not (accepted|allowed|welcome|wanted))|(no|hates?|blocked as|rejected as|because of|due to) spam\b|spam\)?$`),
		rule(isSpam, `(mail|message|e-?mail|body)? ?content (was |is |has been )?(rejected|denied|refused|not accepted|blocked|unacceptable|filter)|likely suspicious|unsolicited (bulk |commercial )?(e-?mail|mail|message)|\b(cs|hm)\d\d\b\]? message rejected|cloudmark|content (scan|inspection)|bulk (mail|message)|message filtered|\bgtube\b`),

		rule(brokenLines, `\bbare <?(lf|linefeed|line feed|newline|cr|carriage)|<?(cr|lf)>? without <?(cr|lf)|stray (newline|lf|cr)|line[- ]?end(s|ings?)? .{0,20}(not|invalid|broken)|lone (cr|lf)|see .{0,10}cr\.yp\.to`),
		rule(internationalWanted, `smtputf8|internationali[sz]ed|non-ascii (character|address|recipient|local)`),
		rule(badHeader, `\brfc ?-?(5322|2822|822)\b|(missing|invalid|multiple|duplicate|malformed|bad|illegal|broken|no|lacks?|improper)( or \w+)? .{0,16}\b(headers?|message-?id|from: |date: |'?from'?:? (header|field)|date (header|field))|headers? .{0,24}\b(missing|invalid|malformed|syntax|not valid|incorrect)|not (rfc )?compliant`),

		rule(diskFull, `insufficient (system )?(storage|resources|disk|space)|space shortage|\b(disk|spool|file ?system|server|queue)\b.{0,12}\bfull\b|out of disk|no space left|not enough disk|low on disk|system resources|out of memory`),
		rule(mailboxUnavailable, `mailbox (is )?(currently )?unavailable|mailbox name not allowed|mailbox not available`),
		rule(notNow, `unverified address|address verification in progress|callout`),
		rule(notNow, `(service|server|system|resources?|host)\b.{0,40}\b(unavailable|not available|busy|overload|shutting down|down for|maintenance)|temporar(y|ily)\b.{0,40}(unavailable|fail|problem|error|defer|reject|system|lookup|disabled|refus)|(try|retry) (again|later|your)|please retry|come back|local (error|problem)|queue file write|overload|failed to be replicated|(can't|cannot|unable to|not able to) (accept|process|deliver|verify|complete) |time(d)? ?out|qq (trouble|read|temporary)|internal (server )?error|unexpected (error|failure)`),
		rule(accessDenied, `recipient address rejected: access denied`),
		rule(policyRefusal, `\bpolic(y|ies)\b|administrative(ly)? (prohibit|denied|reject|block)|access (was |is )?denied|\bblocked\b|\bprohibited\b|local rule|not (accepted|welcome|wanted)|\bban(ned)?\b|security (rule|reason|violation)|restriction`),
	}
})
