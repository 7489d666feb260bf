#!/bin/sh
# Makes what the machine boots from: image.sh DIR POSTHORN, with POSTHORN a static
# binary. DIR/vmlinuz is Debian's cloud kernel, fetched by apt-get; DIR/initrd holds
# its modules for virtio and ext4, busybox, init.sh and the binary. Nothing is
# installed. Needs: busybox-static cpio kmod qemu-system-x86 e2fsprogs.
set -eu
dir=$1 posthorn=$2
here=$(dirname "$0")
mkdir -p "$dir"
if [ ! -e "$dir/vmlinuz" ]; then
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  (cd "$dir" && apt-get download -q "$package" && dpkg-deb -x linux-image-*.deb kernel)
  cp "$dir"/kernel/boot/vmlinuz-* "$dir/vmlinuz"
fi
root=$dir/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/data" "$root/etc" "$root/tmp"
version=$(basename "$dir"/kernel/lib/modules/*)
depmod -b "$dir/kernel" "$version"
for module in virtio_pci virtio_blk virtio_net ext4 crc32c_generic crc32c_intel; do
  modprobe -d "$dir/kernel" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | sort -u | while read -r file; do
  file=${file#"$dir/kernel"}
  mkdir -p "$root$(dirname "$file")"
  cp "$dir/kernel$file" "$root$file"
done
cp "$dir/kernel/lib/modules/$version/modules.builtin" "$dir/kernel/lib/modules/$version/modules.order" "$root/lib/modules/$version/"
depmod -b "$root" "$version"
cp /bin/busybox "$root/bin/busybox"
cp "$here/init.sh" "$root/init"
cp "$posthorn" "$root/bin/posthorn"
cp "$dir/posthorn.toml" "$root/etc/posthorn.toml"
chmod 755 "$root/init" "$root/bin/posthorn"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) > "$dir/initrd"
