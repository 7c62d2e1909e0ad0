// The workspace account, and a small one for the Functions host, whose own blobs should neither raise events nor sit beside research.
param location string
param tags object
param suffix string
param workspace string
param privateNetwork bool

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: 'stexp${suffix}'
  location: location
  tags: tags
  sku: { name: 'Standard_ZRS' }
  kind: 'StorageV2'
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    // Closed to all but private endpoints and what Azure trusts: Event Grid writes what it could not deliver.
    networkAcls: { defaultAction: privateNetwork ? 'Deny' : 'Allow', bypass: 'AzureServices' }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: { enabled: true, days: 14 }
      containerDeleteRetentionPolicy: { enabled: true, days: 14 }
    }

    resource team 'containers' = { name: workspace }
    resource platform 'containers' = { name: 'platform' }
  }

  resource lifecycle 'managementPolicies' = {
    name: 'default'
    dependsOn: [blobs]
    properties: {
      policy: {
        rules: [
          {
            // Answers to repeated submissions are kept for 7 days (Idempotency-Key); the platform reads none that is older.
            name: 'forget-old-requests'
            type: 'Lifecycle'
            definition: {
              filters: { blobTypes: ['blockBlob'], prefixMatch: ['${workspace}/requests/'] }
              actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 8 } } }
            }
          }
          {
            // Snapshots that were sent straight to the store and never taken: exp takes them at once.
            name: 'forget-lost-uploads'
            type: 'Lifecycle'
            definition: {
              filters: { blobTypes: ['blockBlob'], prefixMatch: ['${workspace}/uploads/'] }
              actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 2 } } }
            }
          }
          {
            // Attempts are read rarely once they are old; cool storage costs about half, and a read still answers at once.
            name: 'cool-old-attempts'
            type: 'Lifecycle'
            definition: {
              filters: { blobTypes: ['blockBlob'], prefixMatch: ['${workspace}/attempts/'] }
              actions: { baseBlob: { tierToCool: { daysAfterModificationGreaterThan: 60 } } }
            }
          }
        ]
      }
    }
  }
}

resource host 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: 'stfun${suffix}'
  location: location
  tags: tags
  sku: { name: 'Standard_LRS' }
  kind: 'StorageV2'
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    // Closed to all but private endpoints and what Azure trusts: Event Grid writes what it could not deliver.
    networkAcls: { defaultAction: privateNetwork ? 'Deny' : 'Allow', bypass: 'AzureServices' }
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource packages 'containers' = { name: 'packages' }

    // File events that the bus did not take within a day.
    resource undelivered 'containers' = { name: 'undelivered-events' }
  }
}

output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output hostName string = host.name
output packages string = '${host.properties.primaryEndpoints.blob}packages'
output undelivered string = host::blobs::undelivered.name
