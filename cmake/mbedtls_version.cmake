# Row J10: known faults in older ones; distributions mend some of them without a new number.
if(MbedTLS_VERSION AND ((MbedTLS_VERSION VERSION_GREATER_EQUAL 3 AND MbedTLS_VERSION VERSION_LESS 3.6.6) OR
                        MbedTLS_VERSION VERSION_LESS 2.28.10))
  message(WARNING "mbedTLS ${MbedTLS_VERSION}: versions before 2.28.10, and of 3.x before 3.6.6, have known faults "
                  "(docs/tls.md)")
endif()
