#!/bin/sh
# Installs the bundle this file lies in, without a network: sh install.sh PUBLIC-KEY [FOLDER]
# PUBLIC-KEY (*.pub) must have come another way than on this stick. FOLDER is /opt/tro-ly if none is given;
# what is written while running lies in ASSISTANT_DATA, FOLDER/data if that is not set.
set -u
umask 022

say() { printf '%s\n' "$@"; }
fail() { say "" "$@" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: sh install.sh PUBLIC-KEY [FOLDER]" >&2; exit 2; }
key=$1
bundle=$(cd "$(dirname "$0")" && pwd) || exit 1
prefix=${2:-/opt/tro-ly}
[ -f "$key" ] || fail "Không thấy tệp khóa: $key" "(There is no key file.)"
for tool in openssl sha256sum python3 find sort; do
    has "$tool" || fail "Máy thiếu chương trình $tool." "(The program $tool is missing.)"
done
mkdir -p "$prefix/versions" && prefix=$(cd "$prefix" && pwd) || fail "Không ghi được vào $prefix." "(No right to write there.)"
data=${ASSISTANT_DATA:-$prefix/data}

# --- Copy, then check the copy: what is checked must be what is installed --------------------------------
part=$prefix/versions/.part
rm -rf "$part"
say "Chép bộ cài… (Copying.)"
cp -R -P "$bundle/." "$part" || fail "Không chép được; xem chỗ trống trên đĩa." "(Copying failed: is the disk full?)"

refuse() {
    rm -rf "$part"
    fail "BỘ CÀI KHÔNG ĐÚNG: $1" "Không cài gì cả. Hỏi lại nơi đã đưa USB." "(Not what its maker signed; nothing was installed.)"
}
say "Soát chữ ký và từng tệp… (Checking the signature and every file.)"
openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$part/MANIFEST.sha256" -sigfile "$part/MANIFEST.sig" >/dev/null 2>&1 ||
    refuse "sai chữ ký (signature)"
[ -z "$(find "$part" ! -type f ! -type d | head -n 1)" ] || refuse "có tệp lạ (a link or device)"
(cd "$part" && sha256sum --check --strict --quiet MANIFEST.sha256) >/dev/null 2>&1 || refuse "có tệp bị đổi hoặc mất (checksum)"
listed=$(sed 's/^[0-9a-f]*  //' "$part/MANIFEST.sha256" | LC_ALL=C sort)
there=$(cd "$part" && find . -type f ! -path ./MANIFEST.sha256 ! -path ./MANIFEST.sig | sed 's/^\.\///' | LC_ALL=C sort)
[ "$listed" = "$there" ] || refuse "có tệp thêm vào (a file that is not listed)"

# --- Does it fit this machine? ---------------------------------------------------------------------------
about() { sed -n "s/^$1=//p" "$part/ABOUT" | head -n 1; }
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ "$version" = "$(about python)" ] ||
    fail "Bộ cài cần Python $(about python), máy này có $version." "(Wrong version of Python.)"
[ "$(uname -m)" = "$(about machine)" ] || fail "Bộ cài dành cho máy $(about machine)." "(Wrong kind of processor.)"
flags=" $(grep -m1 '^flags' /proc/cpuinfo) "
for flag in $(about needs); do
    case $flags in
        *" $flag "*) ;;
        *) say "LƯU Ý: bộ xử lý không có $flag, mô hình ngôn ngữ sẽ không chạy; bài hướng dẫn vẫn trả lời đủ." \
               "(The processor lacks $flag: no language model here. Everything else works.)" ;;
    esac
done
[ -z "$(about needs)" ] || python3 -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null ||
    say "LƯU Ý: máy thiếu gói libgomp1, mô hình ngôn ngữ chưa chạy được: apt-get install libgomp1." \
        "(Without the package libgomp1 there is no language model here. Everything else works.)"

# --- Python ----------------------------------------------------------------------------------------------
id=$(sha256sum "$part/MANIFEST.sha256" | cut -c 1-12)
here=$prefix/versions/$id
if [ -e "$here/.installed" ]; then
    rm -rf "$part"
    say "Bản này đã cài rồi. (Nothing to install.)"
    exit 0
fi
rm -rf "$here"
mv "$part" "$here" || exit 1
say "Cài các thư viện Python… (Installing Python packages.)"
python=$here/.venv/bin/python
python3 -m venv --without-pip "$here/.venv" || fail "Không tạo được môi trường Python." "(No virtual environment.)"
pip=$(find "$here/wheels" -name 'pip-*.whl' | head -n 1) # runs as it is; Debian's python3-venv is not needed
PIP_CONFIG_FILE=/dev/null "$python" "$pip/pip" --disable-pip-version-check install --quiet --no-cache-dir --no-index \
    --find-links "$here/wheels" -r "$here/requirements.txt" ||
    fail "KHÔNG cài được các thư viện Python. Bản cũ, nếu có, vẫn chạy." "(Packages could not be installed; an earlier version goes on.)"
"$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$here/.site" || exit 1
say "$here/source" >"$(cat "$here/.site")/assistant.pth"
rm -rf "$here/wheels" "$here/.site"

# --- Models, index, the command --------------------------------------------------------------------------
mkdir -p "$data" || fail "Không ghi được vào $data." "(No right to write there.)"
for model in "$here"/models/*; do
    [ -d "$model" ] || continue
    mkdir -p "$data/models"
    rm -rf "$data/models/${model##*/}"
    mv "$model" "$data/models/" || fail "Không chép được mô hình vào $data." "(The models could not be moved.)"
done
if [ -d "$here/index" ] && [ ! -e "$data/index/CURRENT" ]; then
    mkdir -p "$data/index"
    mv "$here"/index/* "$data/index/"
fi
rm -rf "$here/models" "$here/index"
cat >"$prefix/.assistant" <<END
#!/bin/sh
# The assistant of $prefix; made by its installer.
# What root wrote the pages' service could not read: on a kiosk root runs it as the service's user.
[ ! -L "$prefix/data" ] || [ "\$(id -u)" != 0 ] || HOME=/var/lib/tro-ly exec runuser -u tro-ly -- "$prefix/assistant" "\$@"
export ASSISTANT_DATA="\${ASSISTANT_DATA:-$data}"
exec "$prefix/current/.venv/bin/python" -P -m assistant "\$@"
END
chmod 755 "$prefix/.assistant" && mv "$prefix/.assistant" "$prefix/assistant"
[ "$key" -ef "$prefix/khoa.pub" ] || { cp "$key" "$prefix/khoa.pub" && chmod 644 "$prefix/khoa.pub"; } # for what comes later
: >"$here/.installed"
before=$(readlink "$prefix/current" 2>/dev/null)
ln -s "versions/$id" "$prefix/.current" && mv -T "$prefix/.current" "$prefix/current" || exit 1 # in one go
for old in "$prefix"/versions/*; do # the one before stays, to go back to
    case versions/${old##*/} in "versions/$id" | "$before") ;; *) rm -rf "$old" ;; esac
done
if [ -L "$prefix/data" ]; then # kiosk.sh was run: the service goes on with the new version, and with its units
    no_screen=--no-screen
    [ ! -e /etc/systemd/system/tro-ly-man-hinh.service ] || no_screen=
    sh "$here/source/assistant/operations/kiosk.sh" "$prefix" $no_screen ||
        { chown -R tro-ly:tro-ly "$data/" && systemctl try-restart tro-ly; }
fi
say "" "Đã cài xong. Chạy: $prefix/assistant serve. Soát máy: $prefix/assistant doctor" "(Done.)"
