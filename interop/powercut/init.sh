#!/bin/busybox sh
# The only program of the machine besides the server: it mounts, serves, and does
# what the serial line asks for. It never ends; the machine is cut off.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in virtio_pci virtio_blk virtio_net crc32c_generic ext4; do modprobe "$module"; done
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
echo "::mounting"
mount -t ext4 -o data=ordered,barrier=1 /dev/vda /data || { echo "::mount failed"; dmesg | tail -n 20; }
check() {
  posthorn --config /etc/posthorn.toml check > /tmp/check 2>&1
  code=$?
  cat /tmp/check
  echo "::check $code"
}
grep -q posthorn.check=before /proc/cmdline && check
(
  posthorn --config /etc/posthorn.toml serve > /tmp/log 2>&1
  echo "::the server ended with $?"
  tail -n 50 /tmp/log
) &
nc -ll -p 24 -e nc 127.0.0.1 2424 & # the server speaks LMTP with its own machine only
while read -r word; do
  case $word in
  check) check ;;
  log) grep -v level=INFO /tmp/log | tail -n 50; echo "::log" ;;
  esac
done
