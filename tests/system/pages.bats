#!/usr/bin/env bats
# What caches in front and browsers get: heads that are the same on every replica, and the page at /.

load ../helper

# The lines of heads that caches go by.
validators() { # [CURL OPTION...] URL...
    curl -sI "$@" | tr -d '\r' | grep -i -E '^(HTTP|cache-control|etag|last-modified|vary|content-length):?'
}

cache_of() { # PATH [CURL OPTION...]
    curl -s -D - -o /dev/null "http://$at$1" "${@:2}" | tr -d '\r' | sed -n 's/^Cache-Control: //p'
}

row() { # LABEL COLUMN: the text of a cell of page.html
    xmllint --xpath "normalize-space(//tr[th='$1']/*[$2])" page.html
}

publish_all() {
    "$patchbay" init
    "$patchbay" publish map a.map --level 1
    "$patchbay" publish map b.map --level 1 --password-file - <<<"secret"
    "$patchbay" publish levels levels --collection official --title Official --min-version 200404150
    "$patchbay" publish upgrade game --platform linux --version 200309240 --oldest 200301010 --recommended 200309010
}

setup_trees() {
    make_map a.map 100000 1
    make_map b.map 50000 2
    make_levels levels 20 2 1
    mkdir game
    seq 1 5000 >game/escape.dat
}

@test "two depots that were published apart, and a restored one, answer with the same validators" {
    setup_trees
    publish_all
    "$patchbay" backup backup
    PATCHBAY_DEPOT=$T/second publish_all
    # Published an hour and a release later, as far as the second depot knows.
    sqlite3 second/catalog.sqlite "UPDATE title SET since = since + 3600"
    "$patchbay" restore backup --depot third
    for depot in depot second third; do
        PATCHBAY_DEPOT=$T/$depot start_server
        part=$(part_name a)
        level=$(curl -s "http://$at/official.txt" | grep -o -m 1 '\b[0-9a-f]\{32\}\b')
        urls=()
        for path in "/map_download?map=a" "/map_download?map=a&part=$part" "/map_download?map=b" /maps/a.map \
            "/maps/b.map?password=secret" "/maps/b.map" /COLLECTIONS /official.txt "/official/${level:0:2}/${level:2}" \
            /linux/UPGRADE /linux/escape.dat; do
            urls+=("http://$at$path")
        done
        validators "${urls[@]}" >"$depot.heads"
        validators -H "Accept-Encoding: gzip" "${urls[@]}" >>"$depot.heads"
        stop_server
    done
    [ "$(grep -c "^ETag" depot.heads)" = 20 ]
    ! grep -i last-modified depot.heads
    cmp depot.heads second.heads
    cmp depot.heads third.heads
}

@test "each route says what may be kept" {
    setup_trees
    publish_all
    start_server
    lasting="public, max-age=31536000, immutable"
    [ "$(cache_of '/map_download?map=a')" = "public, max-age=60" ]
    [ "$(cache_of "/map_download?map=a&part=$(part_name a)")" = "$lasting" ]
    [ "$(cache_of "/map_download?map=a&part=$(part_name a)" -r 5-9)" = "$lasting" ]
    [ "$(cache_of "/map_download?map=b&part=$(part_name b)")" = "$lasting" ]
    [ "$(cache_of /maps/a.map)" = "public, max-age=60" ]
    [ "$(cache_of '/maps/b.map?password=secret')" = no-store ]
    [ "$(cache_of /maps/b.map)" = no-store ]
    [ "$(cache_of '/map_download?map=none')" = no-store ]
    [ "$(cache_of /none)" = no-store ]
    [ "$(cache_of /COLLECTIONS)" = "public, max-age=60" ]
    [ "$(cache_of /official.txt)" = "public, max-age=60" ]
    level=$(curl -s "http://$at/official.txt" | grep -o -m 1 '\b[0-9a-f]\{32\}\b')
    [ "$(cache_of "/official/${level:0:2}/${level:2}")" = "$lasting" ]
    [ "$(cache_of /linux/UPGRADE)" = no-cache ]
    [ "$(cache_of /linux/escape.dat)" = no-cache ]
    [ "$(cache_of /)" = "public, max-age=60" ]
    stop_server
    start_server --opensauce-require-client yes
    [ "$(cache_of '/map_download?map=a' -A OpenSauce_Halo1_CE_Client)" = "private, no-cache" ]
    [ "$(cache_of '/map_download?map=a')" = no-store ]
}

@test "parts that the original tool has named are asked for each time" {
    make_foreign m 2000000
    # Named as the original tool does it: the same in every release.
    i=0
    while read -r part; do
        i=$((i + 1)) plain=$(printf 'm-20200101.7z.%03d' "$i")
        mv "foreign/m/$part" "foreign/m/$plain"
        sed -i "s/$part/$plain/" foreign/m.xml
    done < <(ls foreign/m)
    PATCHBAY_DEPOT=$T/imported
    "$patchbay" init
    "$patchbay" import opensauce foreign foreign
    start_server
    [ "$(cache_of '/map_download?map=m')" = no-cache ]
    [ "$(cache_of '/map_download?map=m&part=m-20200101.7z.001')" = no-cache ]
}

# start_cache: nginx as a cache of $at, which only heeds what the replies say; sets $front.
start_cache() {
    front=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir -p nginx
    cat >nginx.conf <<END
$([ "$(id -u)" != 0 ] || echo 'user root;')
daemon off;
pid $T/nginx/pid;
error_log $T/nginx/error.log;
events { }
http {
    access_log off;
    client_body_temp_path $T/nginx/body;
    fastcgi_temp_path $T/nginx/fastcgi;
    uwsgi_temp_path $T/nginx/uwsgi;
    scgi_temp_path $T/nginx/scgi;
    proxy_temp_path $T/nginx/temp;
    proxy_cache_path $T/nginx/cache keys_zone=patchbay:1m;
    server {
        listen $front;
        location / {
            proxy_pass http://$at;
            proxy_http_version 1.1;
            proxy_set_header Host \$http_host;
            proxy_cache patchbay;
            proxy_cache_revalidate on;
            add_header X-Cache \$upstream_cache_status always;
        }
    }
}
END
    nginx -c "$T/nginx.conf" -e "$T/nginx/error.log" 3>&- &
    nginx=$!
    pids+=("$nginx")
    wait_for 20 code_is 200 "http://$front/"
}

x_cache() { # PATH: what nginx says of it, on a second and a third request
    code "http://$front$1" >/dev/null
    curl -s -D - -o /dev/null "http://$front$1" | tr -d '\r' | sed -n 's/^X-Cache: //p'
}

@test "nginx as a cache keeps what may be kept, and never mixes releases" {
    setup_trees
    publish_all
    start_server
    start_cache
    first=$(part_name a)
    etag=$(curl -s "http://$front/map_download?map=a" | md5sum)
    [ "$(x_cache '/map_download?map=a')" = HIT ]
    [ "$(x_cache "/map_download?map=a&part=$first")" = HIT ]
    [ "$(x_cache /COLLECTIONS)" = HIT ]
    [ "$(x_cache /maps/a.map)" = HIT ]
    [ "$(x_cache '/maps/b.map?password=secret')" = MISS ]
    [ "$(x_cache /maps/none.map)" = MISS ]
    [ "$(x_cache /linux/escape.dat)" != HIT ]
    # A new release, of which the cache's list does not know for a minute: its parts are there all the same.
    make_map a.map 100000 3
    "$patchbay" publish map a.map --level 1
    wait_for 5 bash -c "[ \"\$(curl -s '$url?map=a' | md5sum)\" != '$etag' ]"
    [ "$(curl -s "http://$front/map_download?map=a" | md5sum)" = "$etag" ]
    part_md5=$(curl -s "http://$front/map_download?map=a" | xmllint --xpath 'string(//part[1]/@md5)' -)
    [ "$(curl -s "http://$front/map_download?map=a&part=$first" | md5sum | cut -d' ' -f1)" = "$part_md5" ]
    rm -r nginx/cache/*
    "$patchbay" fetch "opensauce://$front/a" got
    cmp a.map got/a.map
    # Of what may be kept but must be asked for, the upgrade shows at once.
    seq 2 5000 >game/escape.dat
    curl -s "http://$front/linux/UPGRADE" >before
    "$patchbay" publish upgrade game --platform linux --version 200309250 --oldest 200301010 --recommended 200309010
    wait_for 5 bash -c "! curl -s 'http://$front/linux/UPGRADE' | cmp -s before -"
}

@test "the page names what is live, and nothing that has a password" {
    setup_trees
    mv a.map "A & b's.map"
    "$patchbay" init
    "$patchbay" publish map "A & b's.map" --level 1
    "$patchbay" publish map b.map --level 1 --password-file - <<<"secret"
    "$patchbay" publish levels levels --collection official --title '</td><script>alert("x")</script>' --min-version 200404150
    mkdir app && seq 1 5000 >app/f.dat
    "$patchbay" publish app app --app 1000 --hardware W2U --version 20030909_1
    start_server
    curl -sf "http://$at/" >page.html
    xmllint --noout page.html # it is well-formed XML, too
    [ "$(xmllint --xpath 'count(//tbody/tr)' page.html)" = 3 ]
    [ "$(xmllint --xpath 'count(//script)' page.html)" = 0 ]
    ! grep -w 'b\.map' page.html
    grep -q '<p>3 titles\.' page.html
    label=$(xmllint --xpath 'string(//tr[td="Halo Custom Edition"]/th)' page.html)
    [ "$label" = "A & b's.map" ]
    link=$(xmllint --xpath 'string(//tr[td="Halo Custom Edition"]//a/@href)' page.html)
    curl -sf "http://$at/$link" | cmp - "A & b's.map"
    fetch=$(xmllint --xpath 'string(//tr[td="Halo Custom Edition"]//code)' page.html)
    "$patchbay" fetch "$fetch" got
    cmp "got/A & b's.map" "A & b's.map"
    fetch=$(xmllint --xpath 'string(//tr[td="Escape"]//code)' page.html)
    "$patchbay" fetch "$fetch" escape
    diff -r --exclude=webindex.esi levels escape/official
    [ "$(row 1000@W2U 2)" = PlayOnline ]
    [ "$(row 1000@W2U 4)" = 20030909_1 ]
    [ "$(row 1000@W2U 5)" = "$(date -u +%F)" ]
    [ "$(row 1000@W2U 6)" = "playonline://127.0.0.1/1000@W2U" ]
    [ "$(xmllint --xpath 'string(//tr[td="Escape"]/th)' page.html)" = '</td><script>alert("x")</script>' ]
    curl -s -D - -o /dev/null "http://$at/" | grep -q "^Content-Security-Policy: default-src 'none'"
}

@test "the page: conditions, HEAD, other methods, a strange Host, a new release, index = no" {
    make_map a.map 50000 1
    "$patchbay" init
    start_server
    curl -s "http://$at/" | grep -q "Nothing that everybody may have"
    etag=$(curl -sI "http://$at/" | tr -d '\r' | sed -n 's/^ETag: //p')
    code_is 304 "http://$at/" -H "If-None-Match: $etag"
    code_is 412 "http://$at/" -H 'If-Match: "x"'
    code_is 206 "http://$at/" -r 5-9
    code_is 405 "http://$at/" -X POST
    code_is 404 "http://$at/index.html"
    "$patchbay" publish map a.map --level 1
    wait_for 5 code_is 200 "http://$at/" -H "If-None-Match: $etag"
    for host in 'a"><b' 'a b' '&' "$(printf 'a%.0s' {1..300})"; do
        curl -s "http://$at/" -H "Host: $host" | grep -q '<code>opensauce://HOST/a</code>'
    done
    curl -s "http://$at/" -H "Host: Maps.example.org:80" | grep -q '<code>opensauce://Maps.example.org:80/a</code>'
    [ "$(curl -sI "http://$at/" | tr -d '\r' | sed -n 's/^Content-Length: //p')" = "$(curl -s "http://$at/" | wc -c)" ]
    stop_server
    start_server --opensauce-enabled no
    curl -s "http://$at/" | grep -q "Nothing that everybody may have"
    stop_server
    start_server --index no
    code_is 404 "http://$at/"
    run -2 "$patchbay" serve --http 127.0.0.1:0 --index perhaps
    [[ "$output" == *"--index takes yes|no, not: perhaps"* ]]
}

@test "of more titles than it lists the page has the newest, and says so" {
    make_map a.map 3000 1
    "$patchbay" init
    "$patchbay" publish map a.map --level 1
    sqlite3 depot/catalog.sqlite "
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
        INSERT INTO title (dialect, name, live, since) SELECT 'opensauce', 'copy' || i, NULL, 1000 + i FROM n;
        INSERT INTO release (title, version, attributes, published)
            SELECT t.id, '1', r.attributes, 1 FROM title t, release r WHERE t.name LIKE 'copy%' AND r.id = 1;
        UPDATE title SET live = (SELECT id FROM release WHERE title = title.id) WHERE live IS NULL;
        INSERT INTO entry SELECT r.id, e.position, e.name, e.kind, e.object, e.extra FROM release r, entry e
            WHERE r.id > 1 AND e.release = 1"
    start_server
    curl -sf "http://$at/" >page.html
    [ "$(xmllint --xpath 'count(//tbody/tr)' page.html)" = 1000 ]
    grep -q '<p>1201 titles\. Listed are the newest 1000; the other 201 are served as well\.' page.html
    grep -q 'opensauce://[^/]*/a<' page.html
    grep -q 'opensauce://[^/]*/copy1200<' page.html
    ! grep -q 'opensauce://[^/]*/copy201<' page.html
}
