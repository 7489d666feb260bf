#!/bin/sh
# Installs the mail programs that the tests in this folder run, on Debian, as
# root. It starts none of them: policy-rc.d keeps the packages' own services
# down, the tests start what they need in folders of their own.
set -eu
need="postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd swaks libnet-ssleay-perl curl isync fetchmail mutt msmtp gsasl python3 openssl procps
python3-dkim python3-authres python3-flufl.bounce libsisimai-perl offlineimap3 neomutt interimap bsdutils strace e2fsprogs mount php-cgi php-cli roundcube-core roundcube-sqlite3"
missing=
for p in $need; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
echo "installing:$missing"
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086
apt-get install -q -y --no-install-recommends $missing
