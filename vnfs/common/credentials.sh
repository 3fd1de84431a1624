# The check of what an IPsec gateway shows of itself. Sourced; POSIX sh.

# check_certificate CERTIFICATE KEY AUTHORITY: these files must be of $identity and of each other; peers refuse another
# certificate without a word that would reach this end. (RFC 7296, section 3.5; RFC 4945, section 3.1) The time is no part
# of that: a gateway that starts anew may not refuse what it had when it stopped.
check_certificate() {
  case $identity in
    *@*) wanted=email:$identity ;;
    *[!0-9.]*) wanted=DNS:$identity ;;
    *) wanted=IPAddress:$identity ;;
  esac
  names=$(openssl x509 -in "$1" -noout -ext subjectAltName 2>/dev/null | tail -n +2 | tr -d ' ' | tr ',' '\n')
  printf '%s\n' "$names" | grep -qixF "$wanted" ||
    bad_intent "the certificate is not of $identity but of $(echo ${names:-nobody})" ipsec.local.certificate
  [ "$(openssl x509 -in "$1" -noout -pubkey)" = "$(openssl pkey -in "$2" -pubout)" ] ||
    bad_intent "the private key is not that of the certificate" ipsec.local.private_key
  problem=$(openssl verify -no_check_time -CAfile "$3" -untrusted "$1" "$1" 2>&1) ||
    bad_intent "the certificate does not hold: $(why_invalid "$problem")" ipsec.local.certificate
}

# why_invalid TEXT: what openssl has found.
why_invalid() { printf '%s' "$1" | sed -n 's/^error.*lookup: *//p' | head -n 1; }

# check_crl CRL AUTHORITY: the list must be of that authority.
check_crl() {
  openssl crl -in "$1" -noout -CAfile "$2" 2>&1 | grep -qx 'verify OK' ||
    bad_intent "the CRL is not of the authority that came with it" ipsec.local.crl
}
