# The check of what an IPsec gateway shows of itself. Sourced; POSIX sh.

# check_certificate CERTIFICATE KEY AUTHORITY: these files must be of $identity and of each other, and valid now; peers
# refuse another certificate without a word that would reach this end. (RFC 7296, section 3.5; RFC 4945, section 3.1)
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
  problem=$(openssl verify -CAfile "$3" -untrusted "$1" "$1" 2>&1) ||
    bad_intent "the certificate does not hold: $(printf '%s' "$problem" | sed -n 's/^error.*lookup: *//p' | head -n 1)" \
      ipsec.local.certificate
}
