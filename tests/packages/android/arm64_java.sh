#!/bin/sh
# arm64_java.sh FOLDER    Debian's Java runtime for arm64, unpacked below FOLDER for `qemu-aarch64 -L FOLDER`.
# Needs apt-get, but neither root nor a foreign architecture on this machine: apt works in a state of its own.
set -e
folder=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
touch "$work/state/status"
cd "$work"
apt="apt-get -qq -o Dir::State=$work/state -o Dir::State::status=$work/state/status -o Dir::Cache=$work/cache
  -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root"
$apt update
$apt download openjdk-17-jre-headless libc6 libgcc-s1 libstdc++6 zlib1g
for package in *.deb; do
  dpkg-deb -x "$package" root
done
# The runtime finds its settings through links into /etc, which is the one of this machine.
java=root/usr/lib/jvm/java-17-openjdk-arm64
find "$java" -type l -lname '/etc/*' | while read -r link; do
  target=root$(readlink "$link")
  rm "$link"
  if [ -e "$target" ]; then cp -r "$target" "$link"; fi
done
rm -rf root/usr/share
cd - >/dev/null
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
mv "$work/root" "$folder"
