#!/usr/bin/env python3
"""Prints tests/vectors/legacy.tsv: password hashes, each made by an implementation other than this project's.

    python3 -m venv venv && venv/bin/pip install passlib==1.7.4 bcrypt==4.0.1 Django==5.2.19 argon2-cffi==25.1.0
    PHP=php8.2 venv/bin/python tests/vectors/legacy.py > legacy.tsv

It also needs openssl, Debian's mkpasswd (package whois) and PHP 8.2 (package php8.2-cli). The salts are random, so
every run prints other hashes: legacy.tsv is one run, and is not to be made again.
"""
import base64, hashlib, hmac, json, os, struct, subprocess, sys

import argon2, bcrypt, django
from django.conf import settings
from passlib import hash as passlib

settings.configure()
django.setup()
from django.contrib.auth import hashers

ASCII, OTHER = "correct horse battery staple", "Pässwörd №1 \U0001f511"
b64 = lambda data: base64.b64encode(data).decode()


def made_by(what):
    print(f"# {what}")


def line(password, text, format="-"):
    print("\t".join([json.dumps(password, ensure_ascii=False), format, text]))


def run(*command, stdin=""):
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout.strip()


def php(code, password):
    return run(os.environ.get("PHP", "php"), "-n", "-r", f"$p = stream_get_contents(STDIN); echo {code};", stdin=password)


made_by("argon2-cffi 25.1.0: argon2.low_level.hash_secret, types I, D and ID, versions 0x13 and 0x10")
for type, version in ((argon2.Type.I, 19), (argon2.Type.D, 19), (argon2.Type.ID, 19), (argon2.Type.I, 16)):
    line(ASCII, argon2.low_level.hash_secret(ASCII.encode(), os.urandom(16), 2, 128, 2, 32, type, version).decode())
made_by("Django 5.2: Argon2PasswordHasher with memory_cost 1024")
hasher = hashers.Argon2PasswordHasher()
hasher.memory_cost = 1024
line(OTHER, hasher.encode(OTHER, hasher.salt()))

made_by("bcrypt 4.0.1 for Python: bcrypt.hashpw with gensalt of 4 and 6, prefixes 2a and 2b; the third password has 71 bytes")
line(ASCII, bcrypt.hashpw(ASCII.encode(), bcrypt.gensalt(6)).decode())
line(OTHER, bcrypt.hashpw(OTHER.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode())
line("x" * 71, bcrypt.hashpw(b"x" * 71, bcrypt.gensalt(4)).decode())
made_by("the same, of passwords of 72 and 100 bytes")
line("y" * 72, bcrypt.hashpw(b"y" * 72, bcrypt.gensalt(4)).decode())
line("z" * 100, bcrypt.hashpw(b"z" * 100, bcrypt.gensalt(4)).decode())
made_by("PHP 8.2: password_hash($p, PASSWORD_BCRYPT, ['cost' => 5])")
for password in (ASCII, OTHER):
    line(password, php("password_hash($p, PASSWORD_BCRYPT, ['cost' => 5])", password))
made_by("PHP 8.2, as wp_hash_password of WordPress 6.8: '$wp' . password_hash(base64_encode(hash_hmac('sha384', trim($p), 'wp-sha384', true)), PASSWORD_BCRYPT, ['cost' => 4])")
wordpress = "'$wp' . password_hash(base64_encode(hash_hmac('sha384', trim($p), 'wp-sha384', true)), PASSWORD_BCRYPT, ['cost' => 4])"
for password in (ASCII, OTHER, f" {ASCII} "):
    line(password, php(wordpress, password))
made_by("passlib 1.7.4: bcrypt.using(rounds=4, ident='2a')")
line(ASCII, passlib.bcrypt.using(rounds=4, ident="2a").hash(ASCII))
made_by("Django 5.2: BCryptPasswordHasher and BCryptSHA256PasswordHasher with rounds 4; the third password has 100 bytes")
for cls in (hashers.BCryptPasswordHasher, hashers.BCryptSHA256PasswordHasher):
    hasher = cls()
    hasher.rounds = 4
    line(OTHER, hasher.encode(OTHER, hasher.salt()))
line("z" * 100, hasher.encode("z" * 100, hasher.salt()))

made_by("passlib 1.7.4: pbkdf2_sha1, pbkdf2_sha256 and pbkdf2_sha512 with 1500 rounds")
for scheme in (passlib.pbkdf2_sha1, passlib.pbkdf2_sha256, passlib.pbkdf2_sha512):
    for password in (ASCII, OTHER):
        line(password, scheme.using(rounds=1500).hash(password))
made_by("passlib 1.7.4: ldap_pbkdf2_sha1, ldap_pbkdf2_sha256, ldap_pbkdf2_sha512 with 1500 rounds")
for scheme in (passlib.ldap_pbkdf2_sha1, passlib.ldap_pbkdf2_sha256, passlib.ldap_pbkdf2_sha512):
    line(ASCII, scheme.using(rounds=1500).hash(ASCII))
made_by("hashlib.pbkdf2_hmac, written as the PHC string format has it")
salt = os.urandom(16)
for name in ("sha256", "sha512"):
    output = hashlib.pbkdf2_hmac(name, ASCII.encode(), salt, 2000)
    line(ASCII, f"$pbkdf2-{name}$i=2000,l={len(output)}${b64(salt).rstrip('=')}${b64(output).rstrip('=')}")
made_by("Django 5.2: PBKDF2PasswordHasher and PBKDF2SHA1PasswordHasher, 2000 iterations, then the default of 1000000")
for cls in (hashers.PBKDF2PasswordHasher, hashers.PBKDF2SHA1PasswordHasher):
    for password in (ASCII, OTHER):
        line(password, cls().encode(password, cls().salt(), 2000))
line(ASCII, hashers.make_password(ASCII, hasher="pbkdf2_sha256"))

made_by("ASP.NET Core's own tests: dotnet/aspnetcore, src/Identity/test/Identity.Test/PasswordHasherTest.cs")
for text in (
    "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==",
    "ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A==",
    "AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ=",
    "AQAAAAIAACcQAAAAEAABAgMEBQYHCAkKCwwNDg9B0Oxwty+PGIDSp95gcCfzeDvA4sGapUIUov8usXfD6A==",
    "AQAAAAIAAYagAAAAEAABAgMEBQYHCAkKCwwNDg/Q8A0WMKbtHQJQ2DHCdoEeeFBrgNlldq6vH4qX/CGqGQ==",
):
    line("my password", text)
made_by("hashlib.pbkdf2_hmac, in the layout of version 3 that PasswordHasher.cs documents, with HMAC-SHA1 (0) and 1000 iterations")
salt = os.urandom(16)
line(OTHER, b64(b"\1" + struct.pack(">III", 0, 1000, 16) + salt + hashlib.pbkdf2_hmac("sha1", OTHER.encode(), salt, 1000, 32)))

made_by("hashlib.pbkdf2_hmac and argon2-cffi, in the layout of Keycloak's export (PasswordCredentialModel), text and objects")
def keycloak(algorithm, iterations, value, salt, more={}, objects=False):
    secret = {"value": b64(value), "salt": b64(salt), "additionalParameters": {}}
    data = {"hashIterations": iterations, "algorithm": algorithm, "additionalParameters": more}
    as_is = (lambda value: value) if objects else json.dumps
    return json.dumps({"type": "password", "createdDate": 1700000000000, "secretData": as_is(secret), "credentialData": as_is(data)})
salt = os.urandom(16)
for algorithm, name in (("pbkdf2", "sha1"), ("pbkdf2-sha256", "sha256"), ("pbkdf2-sha512", "sha512")):
    value = hashlib.pbkdf2_hmac(name, ASCII.encode(), salt, 2750, 64)
    line(ASCII, keycloak(algorithm, 2750, value, salt, objects=name == "sha1"))
value = argon2.low_level.hash_secret_raw(OTHER.encode(), salt, 5, 256, 1, 32, argon2.Type.ID)
more = {"hashLength": ["32"], "memory": ["256"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}
line(OTHER, keycloak("argon2", 5, value, salt, more))

made_by("passlib 1.7.4: scrypt with rounds=9, block_size=8 and parallelism 1, then 3")
for parallelism in (1, 3):
    line(OTHER, passlib.scrypt.using(rounds=9, block_size=8, parallelism=parallelism).hash(OTHER))
made_by("Django 5.2: ScryptPasswordHasher with its defaults")
line(ASCII, hashers.ScryptPasswordHasher().encode(ASCII, "saltofdjango"))
made_by("the sample of github.com/firebase/scrypt (README), in the spelling with named parameters")
line("user1password", "$firebase-scrypt$r=8,m=14,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,ss=Bw==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==")

made_by("openssl passwd -5 and -6")
for flag in ("-5", "-6"):
    for password in (ASCII, OTHER):
        line(password, run("openssl", "passwd", flag, "-stdin", stdin=password))
made_by("mkpasswd (whois 5.5.17) -m sha-256 and -m sha-512, -R 1000 and -R 6000; the last password has 128 bytes")
mkpasswd = os.environ.get("MKPASSWD", "mkpasswd")
for method, rounds, password in (("sha-256", "1000", ASCII), ("sha-512", "6000", OTHER), ("sha-512", "1000", "l" * 128)):
    line(password, run(mkpasswd, "-m", method, "-R", rounds, "-s", stdin=password))
made_by("PHP 8.2: crypt($p, '$6$rounds=1234$short$') and crypt($p, '$5$rounds=1000$$')")
line(ASCII, php("crypt($p, '$6$rounds=1234$short$')", ASCII))
line(ASCII, php("crypt($p, '$5$rounds=1000$$')", ASCII))
made_by("passlib 1.7.4: ldap_sha512_crypt")
line(ASCII, passlib.ldap_sha512_crypt.using(rounds=1000).hash(ASCII))

made_by("passlib 1.7.4: phpass, rounds 7 and 13, and ident H")
for password, rounds, ident in ((ASCII, 7, "P"), (OTHER, 13, "P"), (ASCII, 8, "H")):
    line(password, passlib.phpass.using(rounds=rounds, ident=ident).hash(password))

made_by("passlib 1.7.4: ldap_md5, ldap_sha1, ldap_salted_md5, ldap_salted_sha1, ldap_salted_sha256, ldap_salted_sha512")
for scheme in (passlib.ldap_md5, passlib.ldap_sha1, passlib.ldap_salted_md5, passlib.ldap_salted_sha1,
               passlib.ldap_salted_sha256, passlib.ldap_salted_sha512):
    line(OTHER, scheme.hash(OTHER))
made_by("passlib 1.7.4: hex_md5, hex_sha1, hex_sha256, hex_sha512")
for name in ("md5", "sha1", "sha256", "sha512"):
    line(OTHER, getattr(passlib, f"hex_{name}").hash(OTHER), name)
made_by("openssl dgst, in base64")
for name in ("md5", "sha1", "sha256", "sha384", "sha512"):
    raw = subprocess.run(["openssl", "dgst", f"-{name}", "-binary"], input=ASCII.encode(), capture_output=True).stdout
    line(ASCII, b64(raw), name)
made_by("hashlib: salted digests, in the spelling SCHEME:POSITION:SALT:DIGEST of this project")
binary = os.urandom(9)
for name in ("md5", "sha1", "sha256", "sha512"):
    digest = lambda data: getattr(hashlib, name)(data).hexdigest()
    line(ASCII, f"{name}:{digest(ASCII.encode())}")
    line(ASCII, f"{name}:prefix:Na:Cl:{digest(b'Na:Cl' + ASCII.encode())}")
    line(OTHER, f"{name}:suffix:sal é:{digest(OTHER.encode() + 'sal é'.encode())}")
    line(ASCII, f"{name}:prefix-hex:{binary.hex()}:{digest(binary + ASCII.encode())}")
    line(ASCII, f"{name}:suffix-base64:{b64(binary)}:{digest(ASCII.encode() + binary)}")
made_by("Django 5.2: MD5PasswordHasher; passlib 1.7.4: django_salted_sha1")
line(OTHER, hashers.MD5PasswordHasher().encode(OTHER, "saltofdjango"))
line(ASCII, passlib.django_salted_sha1.hash(ASCII))
